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
    automatic: bool = False  # shows in the automatic gradient of `loss` alone

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


def _m(why: str, where: str, old: str, new: str, versions: str = "", **more: bool) -> Mutant:
    named = versions.split() or [where.removesuffix(".py")]
    return Mutant(why, where, old, new, tuple(named), **more)


ALL = "v1 v2 v3 v4"
MUTANTS = [
    # v1
    _m("square root of the truth missing", "v1.py", "xp.sqrt(w), xp.sqrt(h)", "w, xp.sqrt(h)"),
    _m("square root of the prediction missing", "v1.py", "sqrt_sigmoid(t.th)", "sigmoid(t.th)"),
    _m(
        "hat on the wrong side: weight from the prediction",
        "v1.py",
        "box=config.lambda_coord * g.obj * box",
        "box=config.lambda_coord * sigmoid(t.to) * g.obj * box",
    ),
    _m(
        "confidence pushed to 1 instead of the IOU",
        "v1.py",
        "(g.iou - sigmoid(t.to))",
        "(1 - sigmoid(t.to))",
    ),
    _m("λ_noobj left out", "v1.py", "noobj=config.lambda_noobj * g.noobj", "noobj=g.noobj"),
    _m(
        "classes at every row, object or not",
        "v1.py",
        "number(keep, dtype), noobj)",
        "number(keep | True, dtype), noobj)",
    ),
    _m(
        "all predictors of the cell responsible",
        "v1.py",
        "obj = grid.one_hot(rows.lane, len(found.layout.lanes), dtype) *",
        "obj = (grid.one_hot(rows.lane, len(found.layout.lanes), dtype) * 0 + 1) *",
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
        "number(~found.occupied, dtype)",
        "number(~xp.tile(xp.any(xp.reshape(found.occupied, (len(obj), len(found.layout.lanes), "
        "found.layout.size // len(found.layout.lanes))), axis=1), (1, len(found.layout.lanes))), dtype)",
    ),
    _m(
        "x̂ taken over the image, not the cell",
        "v1.py",
        "pred = edges(x_hat / lane.W,",
        "pred = edges(x_hat,",
    ),
    _m(
        "IOU target not held constant",
        "v1.py",
        "grid.gather((stop(raw),)",
        "grid.gather((raw,)",
        automatic=True,
    ),
    # v2
    _m("2 − w·h from the prediction", "v2.py", "(2 - g.w * g.h)", "(2 - w_hat * h_hat)"),
    _m("weight 2 − w·h missing", "v2.py", " * (2 - g.w * g.h) * box", " * box"),
    _m(
        "IOU target not held constant",
        "v2.py",
        "dx, dy = stop(x_hat - g.x) * g.cell_w, stop(y_hat - g.y) * g.cell_h",
        "dx, dy = (x_hat - g.x) * g.cell_w, (y_hat - g.y) * g.cell_h",
        automatic=True,
    ),
    _m("objectness target 1", "v2.py", "(IOU(pred, truth) - sigmoid(t.to))", "(1 - sigmoid(t.to))"),
    _m("w and h compared as logits", "v2.py", "(g.w - w_hat) ** 2", "(g.w - t.tw) ** 2"),
    _m(
        "λ_obj and λ_noobj exchanged",
        "v2.py",
        "obj=config.lambda_obj * g.obj",
        "obj=config.lambda_noobj * g.obj",
    ),
    _m(
        "independent classes for a softmax",
        "v2.py",
        "softmax_squared_error(t.c, g.p)",
        "(sigmoid(t.c) - g.p) ** 2",
    ),
    _m("anchors in cells, not pixels", "v2.py", "(config.stride,))", "(1,))"),
    # v3
    _m("2 − w·h missing", "v3.py", " * (2 - g.w * g.h) * box", " * box"),
    _m("gate missing", "v3.py", "g.obj * g.gate * ", "g.obj * "),
    _m(
        "gate on the objectness as well",
        "v3.py",
        "obj=config.lambda_obj * g.obj",
        "obj=config.lambda_obj * g.gate * g.obj",
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
        "v3.py",
        "number(~(found.occupied | found.ignored), dtype)",
        "number(~found.ignored, dtype)",
    ),
    _m(
        "nothing ignored",
        "v3.py",
        "number(~(found.occupied | found.ignored), dtype)",
        "number(~found.occupied, dtype)",
    ),
    _m("squared error for cross-entropy", "v3.py", "bce(t.c, g.p)", "(sigmoid(t.c) - g.p) ** 2"),
    _m(
        "best anchor within each head",
        "matching.py",
        "wanted = (prior == tile(best, num)) & tile(truths.ok, num)",
        "wanted = tile(truths.ok, num)",
        "v3",
    ),
    _m(
        "a shared anchor in its first head alone",
        "matching.py",
        "    num = len(heads)\n    wanted = ",
        "    num = len(heads)\n    prior = xp.concat([heads[0][1], *(h[1] * 0 - 1 for h in heads[1:])], axis=1)\n    wanted = ",
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
        "edges(x * g.stride, y * g.stride, w * g.width, h * g.height)",
        "edges(x * g.stride, y * g.stride * 2, w * g.width, h * g.height * 2)",
    ),
    _m(
        "best anchor forgotten in the union",
        "matching.py",
        "return best | above",
        "return above",
        "v4",
    ),
    _m("union for intersection", "matching.py", "return best & above", "return best | above", "v4"),
    _m("smoothing by ε/K", "v4.py", "p * (1 - eps) + eps / 2", "p * (1 - eps) + eps / p.shape[-1]"),
    _m("λ_coord left out", "v4.py", "box=config.lambda_coord * g.obj", "box=g.obj"),
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
        "ratio(dx**2 + dy**2, cw**2 + ch**2)",
        "ratio((dx**2 + dy**2) ** 0.5, cw + ch)",
        "v4",
    ),
    _m(
        "distance of corners for centres",
        "iou.py",
        "dx = (pred.x1 + pred.x2 - gt.x1 - gt.x2) / 2",
        "dx = pred.x1 - gt.x1",
        "v4",
    ),
    _m(
        "intersection not clamped",
        "iou.py",
        "return positive(box.x2 - box.x1), positive(box.y2 - box.y1)",
        "return box.x2 - box.x1, box.y2 - box.y1",
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
        "x, y, w, h, label = (tile(",
        "y, x, w, h, label = (tile(",
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
        "matching.py",
        "lambda x, y, t: x * y > t",
        "lambda x, y, t: x * y >= t",
        "v3",
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
        "matching.py",
        "* (1 + threshold) > reach + area",
        "* (1 + threshold) >= reach + area",
        "v3",
    ),
    _m(
        "ignored beyond the object's own cell",
        "matching.py",
        '    "shape": by_shape,',
        '    "shape": by_prior,',
        "v3",
    ),
    _m(
        "priors at the corner of their cells",
        "matching.py",
        "(arange(w, like) + 0.5) / w",
        "arange(w, like) / w",
        "v3",
    ),
    _m(
        "masked truths used",
        "targets.py",
        "ok = targets.valid & xp.all",
        "ok = (targets.valid | True) & xp.all",
        ALL,
    ),
    _m("a class beyond K used", "targets.py", " & (label < num_classes)", "", ALL),
    _m("centres beyond 1 used", "targets.py", "(centre <= 1)", "(centre <= 1.5)", ALL),
    _m("sizes above 1 used", "targets.py", " & (size <= SIZE_LIMIT)", "", ALL),
    _m("e^t not limited", "elementwise.py", "EXP_LIMIT = 20.0", "EXP_LIMIT = 30.0", "v2 v3 v4"),
    _m(
        "e^t limited with its slope left",
        "elementwise.py",
        "y * number((t >= -EXP_LIMIT) & (t <= EXP_LIMIT), t.dtype)",
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
        "0.5 * (number(a < b, a.dtype) + number(a <= b, a.dtype))",
        "number(a < b, a.dtype)",
        "v4",
    ),
    _m(
        "mean for sum over images",
        "terms.py",
        "xp.sum(v[:, k], axis=1) for k",
        "xp.sum(v[:, k], axis=1) / v.shape[0] for k",
        ALL,
    ),
]
