"""Raw outputs decoded, turned, and made into detections."""

import numpy as np

import yolo_losses as yl

from ..cases import Case
from ..strategies import with_heads
from .law import equal, gap, law, per_head, worst
from .order import BACK
from .slopes import box_fields, encoded

TAME = 4.0  # |t| beyond which σ(t) keeps too few digits of t


@law("vN.decode", "vN.encode")
def decoded_boxes_encode(case: Case) -> float:
    """`encode` of `decode` are the raw outputs, those of tame size."""
    eps = getattr(case.config, "offset_eps", 0)  # v3 limits the offset, which is σ(t)
    limit = min(TAME, float(np.log(1 / eps - 1)) - 0.01) if eps else TAME
    case = with_heads(case, [np.clip(x, -limit, limit) for x in case.heads])
    errors = []
    for s, d in enumerate(per_head(case.module.decode(case.raw, case.config))):
        at = tuple(np.indices(d.obj.shape))
        errors.append(gap((encoded(case, s, at, d.boxes),), (box_fields(case, case.heads[s]),)))
    return worst(errors)


@law("grid.to_nchw", "grid.from_nchw", "grid.to_nhwc", "grid.from_nhwc")
def outputs_turn_back(case: Case) -> float:
    """`to_nchw` and `to_nhwc` are inverted by `from_nchw` and `from_nhwc`."""
    for x in case.heads:
        a = x.shape[3] if x.ndim == 5 else None
        equal(
            (yl.grid.from_nchw(yl.grid.to_nchw(x), a), yl.grid.from_nhwc(yl.grid.to_nhwc(x), a)),
            (x, x),
        )
    return 0.0


THRESHOLD = 0.4


@law("nms.detections", "nms.nms", "iou.iou")
def detections_are_suppressed(case: Case) -> float:
    """Kept boxes overlap by the threshold at most; to suppress them again changes nothing."""
    found = yl.nms.detections(case.raw, case.config, size=(64, 64))
    kept = yl.nms.nms(found.boxes, found.scores, threshold=THRESHOLD).keep
    for boxes, scores, keep in zip(found.boxes, found.scores, kept, strict=True):
        left = boxes[keep]
        overlaps = yl.iou.iou(left[:, None], left)
        assert (overlaps[~np.eye(len(left), dtype=np.bool_)] <= THRESHOLD).all()
        assert yl.nms.nms(left, scores[keep], threshold=THRESHOLD).keep.all()
    return 0.0


@law("nms.detections", "nms.nms")
def detections_permute(case: Case) -> float | None:
    """Candidates in another order are kept as before, where no two scores are equal."""
    found = yl.nms.detections(case.raw, case.config, size=(64, 64))
    if any(len(np.unique(s)) < len(s) for s in found.scores):
        return None
    kept = yl.nms.nms(found.boxes, found.scores, threshold=THRESHOLD).keep
    turned = yl.nms.nms(found.boxes[:, BACK], found.scores[:, BACK], threshold=THRESHOLD).keep
    return equal((turned[:, BACK],), (kept,))
