"""Wrong on purpose: variants of the formulas that the cases have to tell from the right ones.

A mutant is one edit of one file of the package. It is made on a copy, which is imported under a
name of its own.
"""

import importlib
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import yolo_losses

SOURCE = Path(yolo_losses.__file__).parent


class Mutant(NamedTuple):
    """`old` stands exactly once in `file`; `versions` are those whose cases should notice."""

    why: str
    file: str
    old: str
    new: str
    versions: tuple[str, ...]
    shows: str = "gradient"  # where: a key of WAYS in tests/test_mutants.py

    def load(self, folder: Path, name: str) -> ModuleType:
        """The package with the edit, imported as `name` from a folder."""
        target = folder / name
        shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns("demo", "__pycache__"))
        path = target / self.file
        text = path.read_text(encoding="utf-8")
        assert text.count(self.old) == 1, f"{self.file}: {text.count(self.old)} times: {self.old}"
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")
        sys.path.insert(0, str(folder))
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove(str(folder))


def _m(
    why: str, where: str, old: str, new: str, versions: str = "", shows: str = "gradient"
) -> Mutant:  # fmt: skip
    named = versions.split() or [where.removesuffix(".py")]
    return Mutant(why, where, old, new, tuple(named), shows)


ALL = "v1 v2 v3 v4"
MUTANTS = [
    # v1
    _m("square root of the truth missing", "v1.py", "xp.sqrt(w), xp.sqrt(h)", "w, xp.sqrt(h)"),
    _m("square root of the prediction missing", "v1.py", "sqrt_sigmoid(t.th)", "sigmoid(t.th)"),
    _m(
        "hat on the wrong side: weight from the prediction",
        "v1.py",
        "box = config.lambda_coord * g.obj",
        "box = config.lambda_coord * sigmoid(t.to) * g.obj",
    ),
    _m(
        "confidence pushed to 1 instead of the IOU",
        "v1.py",
        "(g.iou - sigmoid(t.to))",
        "(1 - sigmoid(t.to))",
    ),
    _m("λ_noobj left out", "v1.py", "return config.lambda_noobj * noobj", "return noobj"),
    _m(
        "classes at every row, object or not",
        "v1.py",
        "rows.label, iou, obj, number(keep, dtype)",
        "rows.label, iou, obj, number(keep | True, dtype)",
    ),
    _m(
        "all predictors of the cell responsible",
        "v1.py",
        "(rows.lane[..., None] == lanes) & keep",
        "(lanes >= 0) & keep",
    ),
    _m(
        "the predictor of the lowest IOU is responsible",
        "matching.py",
        "xp.argmax(ious, axis=-1)",
        "xp.argmax(-ious, axis=-1)",
        "v1",
    ),
    _m(
        "the last object keeps the cell",
        "matching.py",
        "(1,), first_of_each)",
        "(1,), last_of_each)",
        "v1",
    ),
    _m(
        "non-responsible predictors of the object's cell left alone",
        "v1.py",
        "    return problems.pose(heads, found,",
        "    xp, num = namespace(raw), len(found.layout.lanes)\n"
        "    cells = xp.reshape(found.occupied, (len(raw), num, found.layout.size // num))\n"
        "    found = found._replace(ignored=xp.tile(xp.any(cells, axis=1), (1, num)))\n"
        "    return problems.pose(heads, found,",
    ),
    _m(
        "x̂ taken over the image, not the cell",
        "v1.py",
        "pred = centred(x_hat / lane.W,",
        "pred = centred(x_hat,",
    ),
    _m(
        "IOU target not held constant",
        "v1.py",
        "grid.gather((stop(raw),)",
        "grid.gather((raw,)",
        shows="automatic",
    ),
    # v2
    _m("2 − w·h from the prediction", "v2.py", "(2 - g.w * g.h)", "(2 - w_hat * h_hat)"),
    _m("weight 2 − w·h missing", "v2.py", " * (2 - g.w * g.h) * d2", " * d2"),
    _m(
        "IOU target not held constant",
        "v2.py",
        "dx, dy = stop(x_hat - g.x) * g.cell_w, stop(y_hat - g.y) * g.cell_h",
        "dx, dy = (x_hat - g.x) * g.cell_w, (y_hat - g.y) * g.cell_h",
        shows="automatic",
    ),
    _m("objectness target 1", "v2.py", "(IOU(pred, truth) - sigmoid(t.to))", "(1 - sigmoid(t.to))"),
    _m("w and h compared as logits", "v2.py", "(g.w - w_hat) ** 2", "(g.w - t.tw) ** 2"),
    _m(
        "λ_obj and λ_noobj exchanged",
        "v2.py",
        "obj = config.lambda_obj * g.obj",
        "obj = config.lambda_noobj * g.obj",
    ),
    _m(
        "independent classes for a softmax",
        "v2.py",
        "softmax_squared_error(t.c, one_hot(g.label, t.c))",
        "(sigmoid(t.c) - one_hot(g.label, t.c)) ** 2",
    ),
    _m("anchors in cells, not pixels", "v2.py", "(config.stride,))", "(1,))"),
    # v3
    _m("2 − w·h missing", "v3.py", " * (2 - g.w * g.h) * d2", " * d2"),
    _m("gate missing", "v3.py", "g.obj * g.gate * ", "g.obj * "),
    _m(
        "gate on the objectness as well",
        "v3.py",
        "obj = config.lambda_obj * g.obj",
        "obj = config.lambda_obj * g.gate * g.obj",
    ),
    _m("x, y compared after σ", "v3.py", "(g.tx - t.tx) ** 2", "(g.tx - sigmoid(t.tx)) ** 2"),
    _m(
        "offset not clipped",
        "v3.py",
        "logit(xp.clip(x, min=eps, max=1 - eps))",
        "logit(xp.clip(x, min=1e-9, max=1 - 1e-9))",
    ),
    _m("log of the inverse ratio", "v3.py", "xp.log(h / at.ph)", "xp.log(at.ph / h)"),
    _m(
        "responsible priors pushed to 0 as well",
        "problems.py",
        "~(occupied | ignored)",
        "~ignored",
        ALL,
    ),
    _m(
        "nothing ignored",
        "problems.py",
        "~(occupied | ignored)",
        "~occupied",
        "v3 v4",
    ),
    _m(
        "squared error for cross-entropy",
        "v3.py",
        "bce(t.c, one_hot(g.label, t.c))",
        "(sigmoid(t.c) - one_hot(g.label, t.c)) ** 2",
    ),
    _m(
        "best anchor within each head",
        "matching.py",
        "wanted = (prior == best[:, None, :]) & truths.ok",
        "wanted = (prior >= 0) & truths.ok",
        "v3",
    ),
    _m(
        "a shared anchor in its first head alone",
        "matching.py",
        "    return place(truths, layout, lane, iou, wanted, (1,) * len(heads), last_of_each)",
        "    wanted = wanted & (xp.cumulative_sum(number(wanted, best.dtype), axis=1) == 1)\n"
        "    return place(truths, layout, lane, iou, wanted, (1,) * len(heads), last_of_each)",
        "v3",
    ),
    _m(
        "the next best anchor where no head holds the best",
        "matching.py",
        "    best = number(xp.argmax(ious, axis=1), truths.label.dtype)\n    heads = ",
        "    held = [[[float(k in layout.column('prior'))] for k in range(ious.shape[1])]]\n"
        "    best = number(xp.argmax(ious * constant(held, ious), axis=1), truths.label.dtype)\n"
        "    heads = ",
        "v3",
    ),
    # v4
    _m(
        "scale left out",
        "v4.py",
        "x_hat = s * sigmoid(t.tx) - (s - 1) / 2 + at.col",
        "x_hat = sigmoid(t.tx) + at.col",
    ),
    _m(
        "scale without its shift",
        "v4.py",
        "y_hat = s * sigmoid(t.ty) - (s - 1) / 2 + at.row",
        "y_hat = s * sigmoid(t.ty) + at.row",
    ),
    _m(
        "boxes compared in an anisotropic unit",
        "v4.py",
        "centred(x * g.stride, y * g.stride, w * g.width, h * g.height)",
        "centred(x * g.stride, y * g.stride * 2, w * g.width, h * g.height * 2)",
    ),
    _m(
        "best anchor forgotten in the union",
        "matching.py",
        "return best | above",
        "return above",
        "v4",
    ),
    _m("union for intersection", "matching.py", "return best & above", "return best | above", "v4"),
    _m("smoothing by ε/K", "v4.py", "(1 - eps) + eps / 2", "(1 - eps) + eps / t.c.value.shape[-1]"),
    _m("λ_coord left out", "v4.py", "box = config.lambda_coord * g.obj", "box = g.obj"),
    _m("similarity for 1 − similarity", "v4.py", "(1 - similarity)", "similarity"),
    _m(
        "one scale for all heads",
        "v4.py",
        "lambda t, at, head: _decode(t, at, config.scale_xy[head])",
        "lambda t, at, head: _decode(t, at, config.scale_xy[0])",
    ),
    # similarities
    _m(
        "α differentiated",
        "iou.py",
        "alpha = ratio(stop(v), 1 - stop(iou) + stop(v))",
        "alpha = ratio(v, 1 - iou + v)",
        "v4",
    ),
    _m("v not differentiated", "iou.py", "- alpha * v  # (3)", "- alpha * stop(v)  # (3)", "v4"),
    _m("4/π for 4/π²", "iou.py", "(4 / math.pi**2)", "(4 / math.pi)", "v4"),
    _m(
        "aspect ratio upside down on one side",
        "iou.py",
        "- atan_ratio(w_hat, h_hat))",
        "- atan_ratio(h_hat, w_hat))",
        "v4",
    ),
    _m("IOU left out of α", "iou.py", "1 - stop(iou) + stop(v)", "1 + stop(v)", "v4"),
    _m(
        "U for C in GIOU",
        "iou.py",
        "ratio(enclosing - union, enclosing)",
        "ratio(enclosing - union, union)",
        "v4",
    ),
    _m(
        "distance not squared",
        "iou.py",
        "ratio(dx2 + dy2, cw2 + ch2)",
        "ratio((dx2 + dy2) ** 0.5, (cw2 + ch2) ** 0.5)",
        "v4",
    ),
    _m(
        "distance of corners for centres",
        "iou.py",
        "(pred.near + pred.far - gt.near - gt.far) / 2",
        "(pred.near - gt.near)",
        "v4",
    ),
    _m(
        "intersection not clamped",
        "iou.py",
        "return positive(box.far - box.near)",
        "return box.far - box.near",
        "v1 v2 v4",
    ),
    _m(
        "union counts the intersection twice",
        "iou.py",
        "_area(pred) + _area(gt) - inter",
        "_area(pred) + _area(gt)",
        "v1 v2 v4",
    ),
    # common
    _m(
        "x and y exchanged",
        "matching.py",
        "    col, x = cell(truths.x[:, None, :], constant([W], like)[..., None])\n"
        "    row, y = cell(truths.y[",
        "    col, x = cell(truths.y[:, None, :], constant([W], like)[..., None])\n"
        "    row, y = cell(truths.x[",
        ALL,
    ),
    _m(
        "a centre on the last edge wraps",
        "matching.py",
        "index = index - number(index >= size, x.dtype)",
        "index = index - size * number(index >= size, x.dtype)",
        ALL,
    ),
    _m(
        "centres rounded, not floored",
        "matching.py",
        "index = xp.floor(x)",
        "index = xp.round(x)",
        ALL,
    ),
    _m(
        "the first object keeps the anchor",
        "matching.py",
        "last = xp.concat([differs, xp.ones_like(wanted[:, :1])], axis=1)",
        "last = xp.concat([xp.ones_like(wanted[:, :1]), differs], axis=1)",
        "v2 v3 v4",
    ),
    _m(
        "both objects keep the anchor",
        "matching.py",
        "return wanted & xp.take_along_axis(last, back, axis=1)",
        "return wanted",
        "v2 v3 v4",
    ),
    _m(
        "threshold not strict",
        "ignoring.py",
        "return across > least",
        "return across >= least",
        "v3",
        "automatic",
    ),
    _m(
        "shape threshold not strict",
        "matching.py",
        "ASSIGN[unite](best, here > threshold)",
        "ASSIGN[unite](best, here >= threshold)",
        "v4",
    ),
    _m("gate not strict", "v3.py", "rows.iou > (", "rows.iou >= ("),
    _m(
        "ignored by IOU of predictions not strict",
        "ignoring.py",
        "return across * along > reach",
        "return across * along >= reach",
        "v3",
    ),
    _m(
        "ignored beyond the object's own cell",
        "ignoring.py",
        '    "shape": by_shape,',
        '    "shape": by_prior,',
        "v3",
    ),
    _m(
        "priors at the corner of their cells",
        "ignoring.py",
        "(arange(w, like) + 0.5) / w",
        "arange(w, like) / w",
        "v3",
    ),
    _m(
        "masked truths used",
        "targets.py",
        "box = targets.valid & xp.all",
        "box = (targets.valid | True) & xp.all",
        ALL,
    ),
    _m("a class beyond K used", "targets.py", " & (label < num_classes)", "", ALL),
    _m("centres beyond 1 used", "targets.py", "(centre <= 1)", "(centre <= 1.5)", ALL),
    _m("sizes above 1 used", "targets.py", " & (size <= SIZE_LIMIT)", "", ALL),
    _m("e^t not limited", "elementwise.py", "EXP_LIMIT = 20.0", "EXP_LIMIT = 30.0", "v2 v3 v4"),
    _m(
        "e^t limited with its slope left",
        "elementwise.py",
        "y * number(namespace(t).abs(t) <= EXP_LIMIT, t.dtype)",
        "y",
        "v2 v4",
    ),
    _m(
        "slope of σ without 1 − σ",
        "elementwise.py",
        "y * _sigmoid(-t))\ndef sigmoid",
        "y)\ndef sigmoid",
        "v1 v2 v4",
    ),
    _m(
        "ties of minimum to one side",
        "elementwise.py",
        "namespace(a).where(a == b, 0.5, number(a < b, a.dtype))",
        "number(a < b, a.dtype)",
        "v4",
    ),
    _m("slope of −x for x", "elementwise.py", "-t if s is None", "t if s is None", "v1 v2 v3"),
    _m(
        "slope of a quotient",
        "elementwise.py",
        "inverse, -y * inverse",
        "inverse, y * inverse",
        "v4",
    ),
    _m(
        "slopes of atan(w/h) along w and h exchanged",
        "elementwise.py",
        "xp.where(wide, flat, steep), -xp.where(wide, steep, flat)",
        "xp.where(wide, steep, flat), -xp.where(wide, flat, steep)",
        "v4",
    ),
    _m(
        "width and height of priors exchanged",
        "grid.py",
        "Cell(0.0, 0.0, pw, ph)",
        "Cell(0.0, 0.0, ph, pw)",
        "v2 v3 v4",
    ),
    # rows
    _m(
        "a predictor but the first not marked as held",
        "matching.py",
        "slot=rows.slot + lane * size",
        "slot=rows.slot",
        "v1",
    ),
    _m("rows dropped that are kept", "matching.py", "number(~keep[:, k]", "number(keep[:, k]", ALL),
    _m(
        "one row too few",
        "matching.py",
        "tuple(adapter(keep).fullest(keep[:, k]) for k in heads)",
        "tuple(max(adapter(keep).fullest(keep[:, k]) - 1, 0) for k in heads)",
        ALL,
    ),
    _m(
        "a column of rows for another",
        "matching.py",
        "name: columns[k, ...]",
        "name: columns[min(k, 3), ...]",
        ALL,
    ),
    _m(
        "objectness of the first box for all",
        "terms.py",
        "slope[..., b] for b",
        "slope[..., 0] for b",
        "v1",
    ),
    # ignore rules
    _m(
        "shape to ignore not strict",
        "ignoring.py",
        "above = (here > threshold)",
        "above = (here >= threshold)",
        "v3",
    ),
    _m(
        "boxes that only face each other overlap",
        "ignoring.py",
        "touch = ok & (along > 0)",
        "touch = ok & (along == along)",
        "v3 v4",
    ),
    _m(
        "a truth that is not used ignores priors",
        "ignoring.py",
        "touch = ok & (along > 0)",
        "touch = along > 0",
        "v3 v4",
    ),
    _m(
        "a truth that is not used ignores predictions",
        "ignoring.py",
        'xp.where(truths.ok[..., None], area, float("inf"))',
        "area",
        "v3 v4",
    ),
    _m(
        "intersection over the sum of the areas",
        "ignoring.py",
        "edges(x, y * stretch, w, h * stretch)",
        "edges(x, y, w, h)",
        "v3 v4",
    ),
    _m(
        "intersection over the sum of the areas, of priors",
        "ignoring.py",
        " / above.stretch\n",
        "\n",
        "v3 v4",
    ),
    _m(
        "the last truth ignores nothing",
        "adapters/generic.py",
        "range(1, per_truth[0].shape[1])",
        "range(1, per_truth[0].shape[1] - 1)",
        "v3 v4",
    ),
    # near predictions
    _m(
        "a window of the truth's size",
        "nearby.py",
        "(1 - threshold) / (2 * threshold)",
        "(1 - threshold) / 2",
        "v3 v4",
        "large",
    ),
    _m(
        "a centre stays in its cell",
        "nearby.py",
        "x * size - near - reach[1]",
        "x * size - near - 1",
        "v4",
        "large",
    ),
    _m(
        "the last cell of a window lost",
        "nearby.py",
        "near - reach[0]) + 1",
        "near - reach[0])",
        "v3 v4",
        "large",
    ),
    _m(
        "a window around a truth that is not used",
        "nearby.py",
        "number(truths.ok, row.dtype)",
        "number(truths.ok | True, row.dtype)",
        "v3 v4",
        "large",
    ),
    _m(
        "the rows of the other head", "nearby.py", "lanes[0].start + slot", "slot", "v3 v4", "large"
    ),
    _m("each column the first", "nearby.py", "(row * W + col)", "(row * W)", "v3 v4", "large"),
    _m("priors on corners", "ignoring.py", "pw.dtype) + 0.5) / W", "pw.dtype)) / W", "v3 v4"),
    _m(
        "the last cells not tried",
        "nearby.py",
        "while first < num:",
        "while first < num - num // 2:",
        "v3 v4",
        "large",
    ),
    # blocks
    _m(
        "the last rows of many lost",
        "adapters/loops.py",
        "range(0, length, max(size, 1))",
        "range(0, length - size, max(size, 1))",
        ALL,
        "large",
    ),
    _m(
        "terms of the last block of rows alone",
        "problems.py",
        "tuple(b + v for b, v",
        "tuple(v for b, v",
        ALL,
        "large",
    ),
    _m(
        "the last images lost",
        "adapters/loops.py",
        "range(0, max(n, 1), step)",
        "range(0, max(n - step, 1), step)",
        ALL,
        "large",
    ),
    _m(
        "objectness of the first images in every block",
        "problems.py",
        "[x[k, ...] for x in found.raw]",
        "[x[: len(found.noobj[k, ...]), ...] for x in found.raw]",
        ALL,
        "large",
    ),
    _m(
        "predictions of the first images in every block",
        "ignoring.py",
        "[x[k, ...] for x in scene.raw]",
        "[x[: len(scene.truths.ok[k, ...]), ...] for x in scene.raw]",
        "v3 v4",
        "large",
    ),
    # regions
    _m(
        "half in a region is in it",
        "ignoring.py",
        "Above(1.0, 0.5, 0.0",
        "Above(1.0, 0.49, 0.0",
        ALL,
        "regions",
    ),
    _m(
        "IOU with a region",
        "ignoring.py",
        "LIES_IN = Above(1.0, 0.5, 0.0",
        "LIES_IN = Above(1.5, 0.5, 0.5",
        ALL,
        "regions",
    ),
    _m(
        "truths are regions too",
        "ignoring.py",
        "found.truths._replace(ok=region, region=None)",
        "found.truths._replace(ok=region | found.truths.ok, region=None)",
        ALL,
        "regions",
    ),
    _m(
        "a region undoes the rule",
        "ignoring.py",
        "ignored=found.ignored | (inside",
        "ignored=(inside",
        "v3",
        "regions",
    ),
    _m(
        "regions compare predictions, whatever the rule",
        "ignoring.py",
        "IN_REGION.get(by, _predictions_above)(",
        "_predictions_above(",
        "v3 v4",
        "regions",
    ),
    _m(
        "a region is a truth",
        "targets.py",
        "ok & ~targets.ignore, box & targets.ignore",
        "ok, box & targets.ignore",
        ALL,
        "regions",
    ),
    _m(
        "an invalid region counts",
        "targets.py",
        "box & targets.ignore",
        "targets.valid & targets.ignore",
        ALL,
        "regions",
    ),
    _m(
        "a region needs a class",
        "targets.py",
        "box & targets.ignore",
        "ok & targets.ignore",
        ALL,
        "regions",
    ),
    # gradients that are written again, and by cotangents
    _m(
        "rows of the last call left",
        "terms.py",
        "here.clear(out[s], *last[s])",
        "pass",
        ALL,
        "workspace",
    ),
    _m(
        "rows cleared of the first head",
        "terms.py",
        "out[s], *last[s]",
        "out[s], *last[0]",
        "v3 v4",
        "workspace",
    ),
    _m(
        "rows of the last call forgotten",
        "terms.py",
        "each, _, more, work.last =",
        "each, _, more, last =",
        ALL,
        "workspace",
    ),
    _m(
        "cotangents of box and cls exchanged",
        "terms.py",
        "[by.box, by.box, by.box, by.box, by.obj] * num_boxes\n    classes = xp.broadcast_to(by.cls[",
        "[by.cls, by.cls, by.cls, by.cls, by.obj] * num_boxes\n    classes = xp.broadcast_to(by.box[",
        ALL,
        "cotangents",
    ),
    _m(
        "cotangent of noobj left out",
        "terms.py",
        "noobj * by.noobj[:, None, None, None]",
        "noobj",
        ALL,
        "cotangents",
    ),
    _m(
        "cotangents of the first head for all",
        "terms.py",
        "v[:, s] for v in cotangent",
        "v[:, 0] for v in cotangent",
        "v3 v4",
        "cotangents",
    ),
    _m(
        "cotangents of the first image for all",
        "terms.py",
        "axis=1)[:, None, :]",
        "axis=1)[:1, None, :]",
        ALL,
        "cotangents",
    ),
    _m(
        "mean for sum over images",
        "problems.py",
        "xp.sum(v[:, k], axis=1) for k",
        "xp.sum(v[:, k], axis=1) / v.shape[0] for k",
        ALL,
    ),
]
