"""Similarities as programs compute them, against their recorded numbers."""

from functools import partial

import numpy as np
import pytest

from conformance.backends import BACKENDS, MOST
from tests.support.recorded import names, recorded
from yolo_losses.dialects import overlaps

PEERS = {
    "ultra_xywh": "ultralytics_xywh", "ultra_xyxy": "ultralytics_xyxy", "wky4": "wongkinyiu_v4",
    "erik": "eriklindernoren", "scaled": "scaled_yolov4", "tv": "torchvision",
    "tianx_xyxy": "tianxiaomo_xyxy", "tianx_xywh": "tianxiaomo_xywh",
}  # fmt: skip
CASES = [
    (file, *key.rsplit("_", 1))
    for file in [*names("pytorch", "iou__pairs"), "iou__edge"]
    for key in recorded("pytorch", file)
    if key not in ("box1", "box2", "meta") and not key.endswith(("_ga", "_gb"))
]


def close(got, want):
    """To 1e-9 of the largest; what is not finite has to be so in both."""
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
    largest = np.abs(want[np.isfinite(want)]).max()
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-9 * largest)


def close_where_finite(got, want):
    """Tianxiaomo's program has NaN slopes of identical boxes where those here are finite."""
    finite = np.isfinite(want)
    close(np.where(finite, got, 0.0), np.where(finite, want, 0.0))


@pytest.mark.parametrize(("file", "peer", "kind"), CASES)
def test_values_and_gradients(file, peer, kind):
    z, xp = recorded("pytorch", file), BACKENDS["torch"]()
    f, boxes = partial(overlaps.similarity, PEERS[peer], kind), (z["box1"], z["box2"])
    with np.errstate(all="ignore"):
        close(f(*boxes), z[f"{peer}_{kind}"])
    for got, end in zip(xp.grad(lambda b: f(*b).sum(), boxes), ("ga", "gb"), strict=True):
        if f"{peer}_{kind}_{end}" in z:
            compare = close_where_finite if peer.startswith("tianx") else close
            compare(got, z[f"{peer}_{kind}_{end}"])


PAIRWISE = {
    "tv_iou": ("plain", "iou"), "tv_giou": ("plain", "giou"),
    "tv_diou": ("torchvision_pairwise", "diou"), "tv_ciou": ("torchvision_pairwise", "ciou"),
    "wky4_box_iou": ("plain", "iou"),
    **{f"tianx_{kind}": ("tianxiaomo_xyxy", kind) for kind in ("iou", "giou", "diou", "ciou")},
}  # fmt: skip


@pytest.mark.parametrize("backend", MOST)
@pytest.mark.parametrize("key", PAIRWISE)
def test_every_pair(key, backend):
    z = recorded("pytorch", "iou__pairwise_142")
    f = partial(overlaps.similarity, *PAIRWISE[key])
    got = BACKENDS[backend]().call(
        lambda a, b: f(a[:, None, :], b[None, ...]), z["box1"], z["box2"]
    )
    close(got, z[key])


def test_all_recorded_keys_are_used():
    pairwise = set(recorded("pytorch", "iou__pairwise_142")) - {"box1", "box2", "meta"}
    assert pairwise == set(PAIRWISE)
    assert {peer for _, peer, _ in CASES} == set(PEERS)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("yolox", "iou"), "program"),
        (("plain", "siou"), "kind"),
    ],
)
def test_names_that_do_not_exist(args, message):
    boxes = np.ones((2, 4))
    with pytest.raises(ValueError, match=f"overlaps.similarity: {message}"):
        overlaps.similarity(*args, boxes, boxes)


def test_boxes_of_other_shapes():
    with pytest.raises(ValueError, match="pred must have shape"):
        overlaps.similarity("plain", "iou", np.ones((2, 5)), np.ones((2, 4)))
