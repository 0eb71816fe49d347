"""Rules of darknet's layers, broken on purpose."""

from tests.support.mutants import Mutant


def _m(why: str, where: str, old: str, new: str, layers: str) -> Mutant:
    return Mutant(why, f"dialects/{where}.py", old, new, tuple(layers.split()))


YOLO, REGION = "v3 v4", "v2 v2a"
V4, SLOPES = "alexeyab_v4", "_alexeyab_slopes"
MUTANTS = [
    # reading
    _m("reading goes on behind a zero", "_darknet", "live = ended == 0", "live = box[..., 0] != 0", YOLO),
    _m("cells in the middle", "_darknet", "xp.floor(x * w)", "xp.floor(x * w + 0.5)", YOLO),
    # matching
    _m("the last of equals", "_darknet", "namespace(ious).argmax(ious, axis=-1)",
       "namespace(ious).argmin(ious, axis=-1)", REGION),
    _m("anchors of this head alone", "_yolo", "ious = _darknet", "ious = 0 * _darknet", YOLO),
    _m("predicted sizes are never asked", "_region", "0: by_predictions", "0: by_priors", REGION),
    _m("one anchor a truth", V4, "best = best | (", "best = best & (", "v4"),
    _m("other shapes by IOU always", V4, "SIMILARITY[options.iou_thresh_kind]", "iou", "v4"),
    # the first pass
    _m("any overlap for the best one", "_darknet", "higher = (new > iou)",
       "higher = (new > 0 * iou)", YOLO),
    _m("ignored without a confident class", V4, "& confident", "| (0 * confident > 0)", "v4"),
    _m("nothing is ignored", "darknet_v3", "best.iou > options.ignore_thresh", "best.iou > 9", "v3"),
    _m("truth_thresh is not read", "darknet_v3", "best.iou > options.truth_thresh", "best.iou > 9", "v3"),
    _m("no warm-up", "darknet_v2", "options.seen >= _region.WARM_UP", "True", "v2"),
    _m("no warm-up in AlexeyAB's", "alexeyab_v2", "options.seen >= _region.WARM_UP", "True", "v2a"),
    _m("smooth objectness to 0", V4, "IGNORED = {0: _left, 1: _to_iou}", "IGNORED = {0: _left, 1: _left}",
       "v4"),
    # the second pass
    _m("classes of the last truth alone", "_darknet", "fresh | own | ~in_classes(old)",
       "fresh | ~fresh", "v3"),
    _m("written is read from the own class", "_darknet", "old[..., CLASSES : CLASSES + 1] == 0",
       "~namespace(old).any(own & (old != 0), axis=-1, keepdims=True)", "v3"),
    _m("saturation is not seen", "_darknet", "xp.where(same, 0.0, y - p)", "y - p + (y - p == 0) * 1e-30",
       "v3"),
    _m("boxes of the last truth alone", V4, "old[..., box] + fresh[..., box]", "fresh[..., box]", "v4"),
    _m("no average", V4, "if options.iou_thresh >= 1:", "if options.iou_thresh >= 0:", "v4"),
    _m("smooth objectness is written again", V4, "OBJECTNESS = {0: _again, 1: _if_zero}",
       "OBJECTNESS = {0: _again, 1: _again}", "v4"),
    # slopes
    _m("small boxes do not weigh more", "darknet_v3", "(2 - w * h)", "(2 - 0 * w * h)", "v3"),
    _m("small boxes weigh more in AlexeyAB's v2", "alexeyab_v2", "options.coord_scale * (t[..., 2:] - wh)",
       "2 * options.coord_scale * (t[..., 2:] - wh)", "v2a"),
    _m("the slope of the logistic twice", "alexeyab_v2", "(t[..., :2] - xy) * _slope(xy)",
       "(t[..., :2] - xy) * _slope(xy) ** 2", "v2a"),
    _m("no goal by IOU", "darknet_v2", "GOAL = {0: _region.one, 1: iou_pjreddie}",
       "GOAL = {0: _region.one, 1: _region.one}", "v2"),
    _m("the weight of small boxes by IOU, too", SLOPES, "g * (options.iou_normalizer",
       "2 * g * (options.iou_normalizer", "v4"),
    _m("no clipping", SLOPES, "most = options.max_delta or inf", "most = inf", "v4"),
    _m("sizes are not chained", SLOPES, "CHAIN = {0: exp", "CHAIN = {0: _unchained", "v4"),
    _m("the own class again with smoothing left out", SLOPES, "(1 - options.label_smooth_eps / 2)",
       "(1 - 0 * options.label_smooth_eps)", "v4"),
    _m("cls_normalizer for all", SLOPES, "where(own > 0, k * d, d)", "where(own >= 0, k * d, d)", "v4"),
    _m("no focal loss", "_darknet", "(1 - q - 2 * q * ln)", "(1 - q)", "v4"),
    _m("DIOU's slope of the right sign", "darknet_boxes", "x = 2 * dx * c2 - 2 *", "x = 2 * dx * c2 + 2 *",
       "v4"),
    _m("CIOU's exact slope", "darknet_boxes", "k = alpha * (8 / math.pi**2)",
       "k = alpha / (s.pred[..., 2] ** 2 + s.pred[..., 3] ** 2) * (8 / math.pi**2)", "v4"),
    _m("sizes halved as they should be", "darknet_boxes", "d.x2 - d.x1, d.y2 - d.y1",
       "(d.x2 - d.x1) / 2, (d.y2 - d.y1) / 2", "v4"),
    # cost
    _m("cost of CIOU by CIOU", V4, '"diou": iou, "ciou": iou', '"diou": SIMILARITY["diou"], '
       '"ciou": SIMILARITY["ciou"]', "v4"),
    _m("scales enter the cost once", "_darknet", "sum(delta * delta)", "sum(delta)", "v1"),
    # v1
    _m("the last truth of a cell", "darknet_v1", "matching.first_of_each", "matching.last_of_each", "v1"),
    _m("no fallback to the nearest", "darknet_v1", "none = xp.max(ious, axis=-1) == 0",
       "none = xp.max(ious, axis=-1) < 0", "v1"),
    _m("no square roots", "darknet_v1", "1: (_squared, _root)", "1: (_as_given, _as_given)", "v1"),
    _m("responsible on top of empty", "darknet_v1", "xp.where(responsible, found.conf, ",
       "found.conf + xp.where(responsible & False, found.conf, ", "v1"),
    _m("IOU is no goal", "darknet_v1", "GOAL = {0: _one, 1: iou_pjreddie}", "GOAL = {0: _one, 1: _one}",
       "v1"),
]  # fmt: skip
