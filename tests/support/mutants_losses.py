"""Rules of the programs with a loss, broken on purpose."""

from tests.support.mutants import Mutant


def _m(why: str, where: str, old: str, new: str, modules: str = "") -> Mutant:
    return Mutant(why, f"dialects/{where}.py", old, new, tuple((modules or where).split()))


U, M, T, K = "ultralytics", "mmdetection", "tianxiaomo", "katacv"
MUTANTS = [
    _m("no neighbours", U, '"inverse": _by_inverse', '"inverse": _none'),
    _m("anchors of one ratio", U, "xp.maximum(ratio, 1 / ratio)", "ratio"),
    _m("the gradient of the target flows", U, "target = adapter(overlap).stop(overlap)",
       "target = overlap"),
    _m("the first row wins", U, "return matching.last_of_each(slot, rows.keep",
       "return matching.first_of_each(slot, rows.keep"),
    _m("the smallest CIOU wins", U, "xp.argsort(overlap, axis=1", "xp.argsort(-overlap, axis=1"),
    _m("no balance", U, "[v * b for v, b", "[v for v, b"),
    _m("the focal loss without its weights", U, "(y * ALPHA + (1 - y) * (1 - ALPHA))", "1"),
    _m("the batch size left out", U, "total * raw[0].shape[0] if program.by_batch else total",
       "total"),
    _m("labels are not smoothed", U, "* (1 - eps) + eps / 2", ""),
    _m("ε of another program", U, '"eriklindernoren", False', '"ultralytics_xyxy", False'),
    _m("α is differentiated", "overlaps", "adapter(v).stop(v / (1 - iou(b)", "(v / (1 - iou(b)", U),
    _m("cells of other truths are not responsible", M, "xp.where(responsible[:, None, :], ious, -1.0)",
       "xp.where(responsible[:, None, :], ious, ious)"),
    _m("the best alone is positive", M, "most > options.pos_iou_thr", "most > 9"),
    _m("the ignore rule left out", M, "<= options.neg_iou_thr", "<= 9"),
    _m("offsets are not clipped", M, "min=OFFSET_EPS, max=1 - OFFSET_EPS", "min=-9, max=9"),
    _m("smoothing by 2", M, "e / (depth - 5)", "e / 2"),
    _m("the best anchor by IOU", T, '"tianxiaomo_xyxy", "ciou"', '"tianxiaomo_xyxy", "iou"'),
    _m("images without an object are ignored too", T,
       "gt.live & xp.any(found.keep, axis=1, keepdims=True)", "gt.live & (gt.live | True)"),
    _m("classes of the last truth alone", "_dense", "xp.matmul(number(same, like.dtype), own) > 0",
       "own > 0", T),
    _m("sizes are not weighted", T, "bce(xy, target[..., :2]), scale2 * pos", "bce(xy, target[..., :2]), pos"),
    _m("small truths keep their size", "uvipen_v2", "xp.maximum(box[..., 2:], xp.ones_like(box[..., 2:]))",
       "box[..., 2:]"),
    _m("classes once", "uvipen_v2", "2 * options.class_scale", "options.class_scale"),
    _m("the IOU is no constant", "abeardear_v1", "ious = adapter(ious).stop(ious)", "ious = ious + 0"),
    _m("other boxes weigh half", "abeardear_v1", "CONTAIN, 1.0,", "CONTAIN, 0.5,"),
    _m("the IOU is a constant", "aladdinpersson_v1", '"object": squares(v.conf, ious, box)',
       '"object": squares(v.conf, ious.detach() if hasattr(ious, "detach") else ious, box)'),
    _m("the last truth of a cell", "aladdinpersson_v1", "matching.first_of_each", "matching.last_of_each"),
    _m("ignored anchors are free", "aladdinpersson_v3", "(old[..., 0] == 0)", "(old[..., 0] <= 0)"),
    _m("anchors divided by the stride", "hunglc007", "anchors = constant(options.anchors[head], box)",
       "anchors = constant(options.anchors[head], box) / options.strides[head]"),
    _m("no focal factor", "hunglc007", "focal * bce(o, obj)", "bce(o, obj)"),
    _m("α everywhere", K, "(iou >= GATE) & (v > 0)", "(v > 0)"),
    _m("w and h in cells", K, "[1.0, 1.0, stride, stride]", "[1.0, 1.0, 1.0, 1.0]"),
    _m("neighbour by neighbour", K, "rows = ultralytics.Rows(*map(ordered, rows))", "rows = rows"),
]  # fmt: skip
