"""Wrong on purpose: mistakes of implementations, as edits of the oracle.

The vectors have to tell every one from the right formulas; `python -m conformance.check` shows it.
"""

import importlib
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from conformance import oracle

SOURCE = Path(oracle.__file__).parent
ALL = "v1 v2 v3 v4"
ANCHORED = "v2 v3 v4"
SIMILAR = "iou giou diou ciou"


class Mutant(NamedTuple):
    """`old` stands once in `file` of the oracle; `shows` are groups of vectors that should notice."""

    why: str
    file: str
    old: str
    new: str
    shows: tuple[str, ...]

    def load(self, folder: Path, name: str) -> ModuleType:
        """The oracle with the edit, as a package of another name in a folder.

        Raises
        ------
        ValueError
            `old` does not stand once in the file.
        """
        target = folder / name
        shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns("__pycache__"))
        for path in target.glob("*.py"):
            text = path.read_text(encoding="utf-8")
            if path.name == self.file:
                if text.count(self.old) != 1:
                    msg = f"{self.file} has {text.count(self.old)} times {self.old!r}"
                    raise ValueError(msg)
                text = text.replace(self.old, self.new)
            path.write_text(text.replace("conformance.oracle", name), encoding="utf-8")
        sys.path.insert(0, str(folder))
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove(str(folder))


def _m(why: str, file: str, old: str, new: str, shows: str) -> Mutant:
    return Mutant(why, f"{file}.py", old, new, tuple(shows.split()))


MUTANTS = [
    # Conversions.
    _m("centre to corners: the size not halved", "conversions", "return x - w / 2, y - h / 2, x + w / 2, y + h / 2", "return x - w, y - h, x + w, y + h", "boxes"),
    _m("centre to corners: w and h exchanged", "conversions", "return x - w / 2, y - h / 2, x + w / 2, y + h / 2", "return x - h / 2, y - w / 2, x + h / 2, y + w / 2", "boxes"),
    _m("centre to corners: an ε in the size", "conversions", "return x - w / 2, y - h / 2, x + w / 2, y + h / 2", "w, h = max(w, 1e-6), max(h, 1e-6)\n    return x - w / 2, y - h / 2, x + w / 2, y + h / 2", "boxes"),
    _m("corners to centre: a pixel too wide", "conversions", "(y1 + y2) / 2, x2 - x1, y2 - y1", "(y1 + y2) / 2, x2 - x1 + 1, y2 - y1 + 1", "boxes"),
    _m("corners to centre: edges sorted", "conversions", "(y1 + y2) / 2, x2 - x1, y2 - y1", "(y1 + y2) / 2, abs(x2 - x1), abs(y2 - y1)", "boxes"),
    _m("corner and size: taken for a centre", "conversions", "return x1, y1, x1 + w, y1 + h", "return x1 - w / 2, y1 - h / 2, x1 + w / 2, y1 + h / 2", "boxes"),
    _m("corners to corner and size: a centre", "conversions", "return x1, y1, x2 - x1, y2 - y1", "return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1", "boxes"),
    _m("pixels: width for height", "conversions", "a * width, b * height, c * width, d * height", "a * width, b * width, c * width, d * width", "boxes"),
    _m("fractions: sizes left in pixels", "conversions", "a / width, b / height, c / width, d / height", "a / width, b / height, c, d", "boxes"),
    _m("fractions: of size − 1", "conversions", "a / width, b / height, c / width, d / height", "a / (width - 1), b / (height - 1), c / (width - 1), d / (height - 1)", "boxes"),
    # Similarities.
    _m("sides below 0", "similarity", "return max(x2 - x1, 0.0), max(y2 - y1, 0.0)", "return x2 - x1, y2 - y1", SIMILAR),
    _m("boxes turned round as they are", "similarity", "    if x2 < x1:\n        x1 = x2 = (x1 + x2) / 2\n", "", "giou diou ciou"),
    _m("half a slope of an intersection of width 0", "similarity", "0.0 in size(common(pred, gt))", "False", SIMILAR),
    _m("the union counts the intersection twice", "similarity", "area(pred) + area(gt) - intersection(pred, gt, held)", "area(pred) + area(gt)", SIMILAR),
    _m("the union of the larger box", "similarity", "area(pred) + area(gt) - intersection(pred, gt, held)", "max(area(pred), area(gt))", SIMILAR),
    _m("1e-7 added to the union", "similarity", "area(pred) + area(gt) - intersection(pred, gt, held)", "area(pred) + area(gt) - intersection(pred, gt, held) + 1e-7", SIMILAR),
    _m("1e-16 added to the union", "similarity", "return 0.0 if U == 0.0 else intersection(pred, gt, held) / U", "return (intersection(pred, gt, held) + 1e-16) / (U + 1e-16)", "iou"),
    _m("a union of inclusive pixels", "similarity", "    w, h = size(box)\n    return w * h", "    w, h = size(box)\n    return (w + 1) * (h + 1)", SIMILAR),
    _m("IOU of no area is 1", "similarity", "return 0.0 if U == 0.0 else intersection", "return 1.0 if U == 0.0 else intersection", SIMILAR),
    _m("U for C", "similarity", "(C - U) / C)", "(C - U) / U if U else 0.0)", "giou"),
    _m("GIOU clipped at 0", "similarity", "return iou(pred, gt, held) - (0.0 if C == 0.0", "return iou(pred, gt, held) - 0.0 * C if iou(pred, gt, held) == 0 else iou(pred, gt, held) - (0.0 if C == 0.0", "giou"),
    _m("GIOU of no enclosing area is −1", "similarity", "(0.0 if C == 0.0", "(1.0 if C == 0.0", "giou"),
    _m("the enclosing box of pred alone", "similarity", "low = [min(a, b) for a, b in zip(pred[:2], gt[:2], strict=True)]", "low = list(pred[:2])", "giou diou ciou"),
    _m("the enclosing box is the common one", "similarity", "    w, h = size(enclosing(pred, gt))\n    return w**2 + h**2", "    w, h = size(common(pred, gt))\n    return w**2 + h**2", "diou ciou"),
    _m("ρ not squared", "similarity", "return dx**2 + dy**2", "return (dx**2 + dy**2) ** 0.5", "diou ciou"),
    _m("ρ along x alone", "similarity", "return dx**2 + dy**2", "return dx**2", "diou ciou"),
    _m("a distance of corners", "similarity", "dx = (pred[0] + pred[2]) / 2 - (gt[0] + gt[2]) / 2", "dx = pred[0] - gt[0]", "diou ciou"),
    _m("c not squared", "similarity", "    return w**2 + h**2", "    return (w**2 + h**2) ** 0.5", "diou ciou"),
    _m("ρ²/c² to the power 0.6", "similarity", "rho2(pred, gt) / c2)", "(rho2(pred, gt) / c2) ** 0.6)", "diou ciou"),
    _m("the sign of the distance", "similarity", "iou(pred, gt, held) - (0.0 if c2 == 0.0", "iou(pred, gt, held) + (0.0 if c2 == 0.0", "diou ciou"),
    _m("4/π for 4/π²", "similarity", "4 / m.pi**2", "4 / m.pi", "ciou"),
    _m("v not squared", "similarity", "(m.atan(w / h) - m.atan(w_hat / h_hat)) ** 2", "abs(m.atan(w / h) - m.atan(w_hat / h_hat))", "ciou"),
    _m("one aspect upside down", "similarity", "m.atan(w_hat / h_hat)", "m.atan(h_hat / w_hat)", "ciou"),
    _m("aspects without an arc tangent", "similarity", "(m.atan(w / h) - m.atan(w_hat / h_hat))", "(w / h - w_hat / h_hat)", "ciou"),
    _m("v of empty boxes", "similarity", "    if 0.0 in (w, h, w_hat, h_hat):\n        return 0.0\n", "    w, h, w_hat, h_hat = (x + 1e-30 for x in (w, h, w_hat, h_hat))\n", "ciou"),
    _m("α without 1 − IOU", "similarity", "v / ((1.0 - iou(pred, gt)) + v)", "v / (1.0 + v)", "ciou"),
    _m("α of IOU, not of 1 − IOU", "similarity", "v / ((1.0 - iou(pred, gt)) + v)", "v / (iou(pred, gt) + v)", "ciou"),
    _m("α = 0 below an IOU of ½", "similarity", "return 0.0 if v == 0.0 else v /", "return 0.0 if v == 0.0 or iou(pred, gt) < 0.5 else v /", "ciou"),
    _m("α = 1", "similarity", "return 0.0 if v == 0.0 else v / ((1.0 - iou(pred, gt)) + v)", "return 1.0", "ciou"),
    _m("1e-7 in α", "similarity", "((1.0 - iou(pred, gt)) + v)", "((1.0 + 1e-7 - iou(pred, gt)) + v)", "ciou"),
    _m("α differentiated", "similarity", "alpha = held.alpha if held else", "alpha = held.alpha if not held and held else", "ciou v4"),
    _m("v left out", "similarity", "return diou(pred, gt, held) - alpha * aspect(pred, gt)", "return diou(pred, gt, held)", "ciou v4"),
    _m("IOU, not DIOU, less α v", "similarity", "return diou(pred, gt, held) - alpha", "return iou(pred, gt, held) - alpha", "ciou v4"),
    # Elementary functions.
    _m("e^t not limited", "scalar", "clip(t, -20.0, 20.0)", "t", ANCHORED),
    _m("e^t limited at 10", "scalar", "clip(t, -20.0, 20.0)", "clip(t, -10.0, 10.0)", ANCHORED),
    _m("σ cut to [1e-7, 1 − 1e-7]", "scalar", "return 1.0 / (1.0 + e) if t >= 0.0 else e / (1.0 + e)", "return clip(1.0 / (1.0 + e) if t >= 0.0 else e / (1.0 + e), 1e-7, 1 - 1e-7)", ALL),
    _m("log(σ + 1e-7)", "scalar", "return p * softplus(-c) + (1.0 - p) * softplus(c)", "m = functions(c)\n    return -p * m.log(sigma(c) + 1e-7) - (1.0 - p) * m.log(1 - sigma(c) + 1e-7)", "v3 v4"),
    _m("a cross entropy to the base 2", "scalar", "return p * softplus(-c) + (1.0 - p) * softplus(c)", "return (p * softplus(-c) + (1.0 - p) * softplus(c)) / 0.6931471805599453", "v3 v4"),
    _m("the positive half of a cross entropy", "scalar", "return p * softplus(-c) + (1.0 - p) * softplus(c)", "return p * softplus(-c)", "v3 v4"),
    _m("softmax at half a temperature", "scalar", "(c_k - largest) for c_k", "(2 * (c_k - largest)) for c_k", "v1 v2"),
    _m("the last of equals", "scalar", "(math.isnan(values[n]), values[n])", "(math.isnan(values[n]), values[n], n)", ALL),
    # Truths and cells.
    _m("x and y of cells exchanged", "truth", "x, y = fl(truth.x * W), fl(truth.y * H)", "y, x = fl(truth.x * W), fl(truth.y * H)", ALL),
    _m("W and H of cells exchanged", "truth", "x, y = fl(truth.x * W), fl(truth.y * H)", "x, y = fl(truth.x * H), fl(truth.y * W)", ALL),
    _m("cells rounded", "truth", "min(math.floor(x), W - 1)", "min(round(x), W - 1)", ALL),
    _m("a border belongs to the cell before", "truth", "min(math.floor(x), W - 1)", "min(max(math.ceil(x) - 1, 0), W - 1)", ALL),
    _m("the last edge wraps", "truth", "min(math.floor(y), H - 1)", "math.floor(y) % H", ALL),
    _m("rows that fill up count", "truth", "truth if wanted and is_valid", "truth if is_valid", ALL),
    _m("labels from 1", "truth", "0 <= truth.label < K", "1 <= truth.label <= K", ALL),
    _m("a class beyond K is a truth", "truth", "0 <= truth.label < K", "0 <= truth.label", ALL),
    _m("centres outside are truths", "truth", "all(0.0 <= v <= 1.0 for v in (x, y))", "True", ALL),
    _m("a centre on an edge is none", "truth", "all(0.0 <= v <= 1.0 for v in (x, y))", "all(0.0 < v < 1.0 for v in (x, y))", ALL),
    _m("sizes above 1 are truths", "truth", "0.0 < v <= 1.0 + 1e-6 for", "0.0 < v for", ALL),
    _m("a size of 1 is none", "truth", "0.0 < v <= 1.0 + 1e-6 for", "0.0 < v < 1.0 for", ALL),
    _m("a size of 0 is a truth", "truth", "0.0 < v <= 1.0 + 1e-6 for", "0.0 <= v <= 1.0 + 1e-6 for", ALL),
    _m("invalid rows not counted", "truth", "bool(row[5]) and truth is None", "False and row", ALL),
    # Anchors.
    _m("anchors: w and h exchanged", "heads", "(w / (W * stride), h / (H * stride))", "(h / (W * stride), w / (H * stride))", ANCHORED),
    _m("anchors: divided by the width alone", "heads", "(w / (W * stride), h / (H * stride))", "(w / (W * stride), h / (W * stride))", ANCHORED),
    _m("anchors: in cells", "heads", "(w / (W * stride), h / (H * stride))", "(w / W, h / H)", ANCHORED),
    _m("anchors: the first of all for every head", "heads", "return self.grid.priors[self.grid.mask[self.anchor]]", "return self.grid.priors[self.anchor]", "v3 v4"),
    _m("IOU of shapes: of areas alone", "matching", "common = min(p_w, gt.w) * min(p_h, gt.h)", "common = min(p_w * p_h, gt.w * gt.h)", ANCHORED),
    _m("IOU of shapes: w with h", "matching", "common = min(p_w, gt.w) * min(p_h, gt.h)", "common = min(p_w, gt.h) * min(p_h, gt.w)", ANCHORED),
    _m("the best of each head's anchors", "matching", "    chosen = choose(iou)\n", "    chosen = [grid.mask[argmax([iou[n] for n in grid.mask])]]\n", "v3"),
    _m("the first truth keeps the predictor", "matching", "keeper = {slot: n for n, one in enumerate(chosen) if one for slot in slots_of(one)}", "keeper = {slot: n for n, one in reversed(list(enumerate(chosen))) if one for slot in slots_of(one)}", ANCHORED),
    _m("an error where there is no truth", "freezing", "for gt in truths if gt]\n", "for gt in truths if gt]\n    objects[0]\n", ANCHORED),
    _m("an error where there is no truth", "v1", "candidate(raw, gt, B, fl) for gt in truths]\n", "candidate(raw, gt, B, fl) for gt in truths]\n    chosen[0]\n", "v1"),
    _m("the last truth keeps the cell", "v1", "keeper.setdefault((one.row, one.col), n)", "keeper[one.row, one.col] = n", "v1"),
    _m("the second truth takes the other predictor", "v1", "settled(one, keeper[one.row, one.col] == n)", "settled(one, True)", "v1"),
    _m("unassigned truths not counted", "result", "unassigned=sum(bool(ms)", "unassigned=0 * sum(bool(ms)", "v3 v4"),
    _m("collisions not counted", "result", "collisions=[len(head) - sum(head)", "collisions=[0 * len(head)", ALL),
    # Decode.
    _m("rows for columns", "heads", "x_hat = sigma(t_x) + slot.col\n    y_hat = sigma(t_y) + slot.row", "x_hat = sigma(t_x) + slot.row\n    y_hat = sigma(t_y) + slot.col", "v2 v3"),
    _m("no σ on t_x", "heads", "x_hat = sigma(t_x) + slot.col", "x_hat = t_x + slot.col", "v2 v3"),
    _m("half a cell more", "heads", "x_hat = sigma(t_x) + slot.col", "x_hat = sigma(t_x) + 0.5 + slot.col", "v2 v3"),
    _m("(2σ)² for e^t", "heads", "w_hat = p_w * exp_clipped(t_w)\n", "w_hat = p_w * (2 * sigma(t_w)) ** 2\n", "v2 v3"),
    _m("t_w and t_h exchanged", "heads", "t_x, t_y, t_w, t_h = t[:4]", "t_x, t_y, t_h, t_w = t[:4]", "v2 v3"),
    _m("x in fractions of the height", "heads", "return x_hat / slot.grid.W, y_hat / slot.grid.H", "return x_hat / slot.grid.H, y_hat / slot.grid.W", ANCHORED),
    _m("scale left out", "v4", "return s * v - (s - 1.0) / 2.0", "return v", "v4"),
    _m("scale without its shift", "v4", "return s * v - (s - 1.0) / 2.0", "return s * v", "v4"),
    _m("one s for all heads", "v4", "scales=config.scale_xy)", "scales=[config.scale_xy[0]] * len(config.masks))", "v4"),
    _m("classes by a softmax", "logistic", "return [sigma(c_k) for c_k in c]", "e = [2.718281828459045 ** c_k for c_k in c]\n    return [e_k / sum(e) for e_k in e]", "v3 v4"),
    _m("a cell's boxes by field", "v1", "return t[5 * j : 5 * j + 5]", "return t[j : 5 * (len(t) // 5) : max(len(t) // 5, 1)][:5]", "v1"),
    _m("the offset over the image", "v1", "return (cell.col + x_hat) / cell.W, (cell.row + y_hat) / cell.H", "return cell.col / cell.W + x_hat, cell.row / cell.H + y_hat", "v1"),
    # Terms.
    _m("λ_coord left out", "v1", "box=config.lambda_coord * coordinates", "box=coordinates", "v1"),
    _m("√ left out", "v1", "(functions(gt.w).sqrt(gt.w) - sqrt_sigma(t_w)) ** 2", "(gt.w - sigma(t_w)) ** 2", "v1"),
    _m("√ of the prediction left out", "v1", "(functions(gt.h).sqrt(gt.h) - sqrt_sigma(t_h)) ** 2", "(functions(gt.h).sqrt(gt.h) - sigma(t_h)) ** 2", "v1"),
    _m("a target of 1", "v1", "obj=(gt.iou - sigma(own[4])) ** 2", "obj=(1.0 - sigma(own[4])) ** 2", "v1"),
    _m("λ_noobj left out", "v1", "noobj = config.lambda_noobj * sum", "noobj = sum", "v1"),
    _m("the other predictors of an object's cell left alone", "v1", "        noobj=noobj,\n        cls=", "        noobj=0.0,\n        cls=", "v1"),
    _m("the responsible predictor pushed to 0 too", "v1", "for j in range(B) if not cell.is_responsible(j)]", "for j in range(B)]", "v1"),
    _m("the lowest IOU is responsible", "v1", "best = argmax(iou)", "best = argmax([-v for v in iou])", "v1"),
    _m("classes once a predictor", "v1", "cls=squared.classes(gt.label", "cls=B * squared.classes(gt.label", "v1"),
    _m("the IOU target differentiated", "v1", "obj=(gt.iou - sigma(own[4])) ** 2,", "obj=(gt.iou + similarity.iou(similarity.corners(*decoded(t, gt.predictor, cell)[:4]), similarity.corners((cell.col + gt.x) / cell.W, (cell.row + gt.y) / cell.H, gt.w, gt.h)) - gt.iou - sigma(own[4])) ** 2,", "v1"),
    _m("the true class alone", "squared", "for c, p in enumerate(p_hat))", "for c, p in enumerate(p_hat) if c == label)", "v1 v2"),
    _m("a mean over classes", "squared", "return sum((float(c == label) - p) ** 2 for c, p in enumerate(p_hat))", "return sum((float(c == label) - p) ** 2 for c, p in enumerate(p_hat)) / len(p_hat)", "v1 v2"),
    _m("the class after the true one", "squared", "float(c == label)", "float(c == label + 1)", "v1 v2"),
    _m("2 − w·h left out", "v2", "return (2.0 - w * h) * error", "return error", "v2"),
    _m("1 − w·h", "v2", "return (2.0 - w * h) * error", "return (1.0 - w * h) * error", "v2"),
    _m("2 − ŵ·ĥ", "v2", "return (2.0 - w * h) * error", "return (2.0 - w_hat * h_hat) * error", "v2"),
    _m("½ before the squares", "v2", "return (2.0 - w * h) * error", "return (2.0 - w * h) * error / 2", "v2"),
    _m("x in image units", "v2", "return Owner(at.x + slot.col, at.y + slot.row", "return Owner((at.x + slot.col) / slot.grid.W, at.y + slot.row", "v2"),
    _m("a target of 1", "v2", "(slot.owner.iou - sigma(t[4])) ** 2", "(1.0 - sigma(t[4])) ** 2", "v2"),
    _m("λ_obj and λ_noobj exchanged", "v2", "obj=config.lambda_obj *", "obj=config.lambda_noobj *", "v2"),
    _m("λ_class left out", "v2", "cls=config.lambda_class * squared", "cls=squared", "v2"),
    _m("λ_noobj is λ_obj", "v2", "config.lambda_noobj * noobj", "config.lambda_obj * noobj", "v2"),
    _m("2 − w·h left out", "v3", "return (2.0 - gt.w * gt.h) * error if gt.gate else 0.0", "return error if gt.gate else 0.0", "v3"),
    _m("no gate", "v3", "return (2.0 - gt.w * gt.h) * error if gt.gate else 0.0", "return (2.0 - gt.w * gt.h) * error", "v3"),
    _m("a gate that is not strict", "v3", "iou > config.coord_iou_threshold", "iou >= config.coord_iou_threshold", "v3"),
    _m("a gate of ½", "v3", "iou > config.coord_iou_threshold", "iou > 0.5", "v3"),
    _m("the gate on objectness", "v3", "obj=config.lambda_obj * objectness(1.0, t[4], slot)", "obj=slot.owner.gate * config.lambda_obj * objectness(1.0, t[4], slot)", "v3"),
    _m("the gate on classes", "v3", "cls=config.lambda_class * classes", "cls=slot.owner.gate * config.lambda_class * classes", "v3"),
    _m("x compared after σ", "v3", "(gt.t_x - t_hat[0]) ** 2", "(1 / (1 + 2.718281828459045 ** -gt.t_x) - 1 / (1 + 2.718281828459045 ** -t_hat[0])) ** 2", "v3"),
    _m("p_w / w in the logarithm", "v3", "t_w=functions(gt.w).log(gt.w / p_w)", "t_w=functions(gt.w).log(p_w / gt.w)", "v3"),
    _m("sizes without a logarithm", "v3", "t_h=functions(gt.h).log(gt.h / p_h)", "t_h=gt.h / p_h", "v3"),
    _m("offsets clipped at 1e-3 always", "v3", "low, high = fl(config.offset_eps), fl(1.0 - config.offset_eps)", "low, high = fl(0.001), fl(0.999)", "v3"),
    _m("offsets clipped at 1e-7", "v3", "low, high = fl(config.offset_eps), fl(1.0 - config.offset_eps)", "low, high = fl(1e-7), fl(1.0 - 1e-7)", "v3"),
    _m("λ_coord left out", "v3", "box=config.lambda_coord * coordinates", "box=coordinates", "v3"),
    _m("λ_class left out", "v3", "cls=config.lambda_class * classes", "cls=classes", "v3"),
    _m("half the objectness of the others", "v3", "config.lambda_obj * objectness(0.0, t[4], slot), 0.0)", "0.5 * config.lambda_obj * objectness(0.0, t[4], slot), 0.0)", "v3"),
    _m("a squared error of classes", "logistic", "return sum(logistic_loss(p_k, c_k) for p_k, c_k in zip(p, c, strict=True))", "return sum((p_k - sigma(c_k)) ** 2 for p_k, c_k in zip(p, c, strict=True))", "v3 v4"),
    _m("a mean over classes", "logistic", "for p_k, c_k in zip(p, c, strict=True))", "for p_k, c_k in zip(p, c, strict=True)) / len(c)", "v3 v4"),
    _m("probabilities for logits", "logistic", "sum(logistic_loss(p_k, c_k) for", "sum(logistic_loss(p_k, sigma(c_k)) for", "v3 v4"),
    _m("ε/K for ε/2", "logistic", "(1.0 - epsilon) + epsilon / 2.0", "(1.0 - epsilon) + epsilon / len(c)", "v4"),
    _m("the true class alone smoothed", "logistic", "(1.0 - epsilon) + epsilon / 2.0", "(1.0 - epsilon)", "v4"),
    _m("a squared error of objectness", "logistic", "return (1 - slot.ignored) * logistic_loss(C, t_o)", "return (1 - slot.ignored) * (C - sigma(t_o)) ** 2", "v3 v4"),
    _m("an ignore rule that hides a NaN", "logistic", "return (1 - slot.ignored) * logistic_loss(C, t_o)", "return 0.0 if slot.ignored else logistic_loss(C, t_o)", "v3 v4"),
    _m("nothing ignored", "logistic", "(1 - slot.ignored) * logistic", "1 * logistic", "v3 v4"),
    _m("the similarity for 1 − similarity", "v4", "(1.0 - similarity(pred,", "(similarity(pred,", "v4"),
    _m("CIOU whatever the config says", "v4", "SIMILARITY[config.similarity]", 'SIMILARITY["ciou"]', "v4"),
    _m("boxes compared in fractions", "v4", "return corners(x * width, y * height, w * width, h * height)", "return corners(x, y, w, h)", "v4"),
    _m("boxes compared in cells of the head", "v4", "width, height = slot.grid.W * slot.grid.stride, slot.grid.H * slot.grid.stride", "width, height = slot.grid.W, slot.grid.H * 2", "v4"),
    _m("2 − w·h of v3", "v4", "box=config.lambda_coord * (1.0", "box=(2.0 - (slot.owner.box[2] - slot.owner.box[0]) * (slot.owner.box[3] - slot.owner.box[1]) / (slot.grid.W * slot.grid.H * slot.grid.stride**2)) * config.lambda_coord * (1.0", "v4"),
    _m("λ_coord left out", "v4", "box=config.lambda_coord * (1.0", "box=(1.0", "v4"),
    _m("λ_class left out", "v4", "cls=config.lambda_class * classes", "cls=classes", "v4"),
    _m("λ_obj left out", "v4", "obj=config.lambda_obj * objectness", "obj=objectness", "v4"),
    _m("labels not smoothed", "v4", "t[5:], config.label_smoothing)", "t[5:])", "v4"),
    _m("the best anchor alone", "v4", "if n == best or value > iou_thresh]", "if n == best]", "v4"),
    _m("the best anchor only above the threshold", "v4", "if n == best or value > iou_thresh]", "if value > iou_thresh]", "v4"),
    _m("a threshold that is not strict", "v4", "if n == best or value > iou_thresh]", "if n == best or value >= iou_thresh]", "v4"),
    _m("a threshold of 0.213", "v4", "if n == best or value > iou_thresh]", "if n == best or value > 0.213]", "v4"),
    _m("the union for the intersection", "v4", '"intersection": intersection', '"intersection": union', "v4"),
    _m("an intersection that is not strict", "v4", "if iou[best] > iou_thresh else []", "if iou[best] >= iou_thresh else []", "v4"),
    # Ignore rules.
    _m("a threshold that is not strict", "ignoring", "v > config.ignore_threshold", "v >= config.ignore_threshold", "v3 v4"),
    _m("a threshold of ½", "ignoring", "v > config.ignore_threshold", "v > 0.5", "v3 v4"),
    _m("priors at the corner of their cells", "ignoring", "x, y = (slot.col + 0.5) / slot.grid.W, (slot.row + 0.5) / slot.grid.H", "x, y = slot.col / slot.grid.W, slot.row / slot.grid.H", "v3 v4"),
    _m("priors by shape", "ignoring", '"prior": by_prior', '"prior": by_shape', "v3 v4"),
    _m("shapes by place", "ignoring", '"shape": by_shape', '"shape": by_prior', "v3 v4"),
    _m("shapes of every cell", "ignoring", "if (at.row, at.col) == (slot.row, slot.col)]", "if at]", "v3 v4"),
    _m("priors for predictions", "ignoring", '"prediction": by_prediction', '"prediction": by_prior', "v3 v4"),
    _m("a rule where the config has none", "ignoring", "None: by_nothing", "None: by_prior", "v3 v4"),
    _m("the first object alone", "ignoring", "return [similarity.iou(pred, truth.box(gt)) for gt, _ in objects]", "return [similarity.iou(pred, truth.box(gt)) for gt, _ in objects[:1]]", "v3 v4"),
    _m("all objects, not any", "ignoring", "return any(v >", "return bool(overlaps) and all(v >", "v3 v4"),
    # Regions.
    _m("half in a region is in it", "regions", "/ area(pred) > 0.5", "/ area(pred) >= 0.5", ALL),
    _m("IOU with a region", "regions", "intersection(pred, one) / area(pred) > 0.5", "intersection(pred, one) / (area(pred) + area(one) - intersection(pred, one)) > 0.5", ALL),
    _m("the part of the region", "regions", "/ area(pred) > 0.5", "/ area(one) > 0.5", ALL),
    _m("nothing lies in a region", "regions", "return area(pred) > 0.0 and", "return False and", ALL),
    _m("a region is a truth", "truth", "return bool(row[5] and row[6:] and row[6])", "return False", ALL),
    _m("rows that fill up are regions", "truth", "return bool(row[5] and row[6:] and row[6])", "return bool(row[6:] and row[6])", ALL),
    _m("a region whose box breaks a rule hides", "regions", "if has_box(region)]", "]", ALL),
    _m("a region needs a class", "regions", "for x, y, w, h, *_ in filter(is_region, rows)]", "for x, y, w, h, c, *_ in filter(is_region, rows) if c >= 0]", ALL),
    _m("a region is counted as invalid", "truth", "return lost - regions", "return lost", ALL),
    _m("regions against predictions, whatever the rule", "ignoring", 'if config.ignore_by in ("prior", "shape") else pred', "if False else pred", "v3 v4"),
    _m("regions against priors, whatever the rule", "ignoring", 'if config.ignore_by in ("prior", "shape") else pred', "", "v3 v4"),
    _m("no regions where there is no rule", "ignoring", "or regions.hide(held, hidden)", "or (config.ignore_by is not None and regions.hide(held, hidden))", "v3 v4"),
    _m("regions by the threshold of the rule", "regions", "/ area(pred) > 0.5", "/ area(pred) > 0.99", ALL),
    _m("the responsible prior ignored", "freezing", "        return slot._replace(owner=owner(t, slot, gt, at, iou))", "        return slot._replace(owner=owner(t, slot, gt, at, iou), ignored=ignored(t, slot, objects))", "v3 v4"),
    # Sums.
    _m("a mean over a head's predictors", "heads", "added(flat(each(terms, *two)))", "Terms(*(v / len(flat(each(terms, *two))) for v in added(flat(each(terms, *two)))))", ANCHORED),
    _m("a mean over a head's objects", "result", "return Terms(*map(sum, zip(Terms(0.0, 0.0, 0.0, 0.0), *parts, strict=True)))", "parts = list(parts)\n    return Terms(*(sum(v) / max(1, sum(p.obj > 0 for p in parts)) for v in zip(*parts, strict=True)))", ALL),
]  # fmt: skip
