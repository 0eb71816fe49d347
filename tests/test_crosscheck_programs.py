"""The comparison names the program whose recorded numbers are handed in."""

import itertools

import numpy as np
import pytest

import yolo_losses as yl
from tests.support.programs import case
from yolo_losses.crosscheck import compare

# the version of the formula that the program departs from, and what the answer says
NAMED = {
    "ultralytics_yolov3__base_101": ("v3", "ultralytics_yolov3"),
    "ultralytics_yolov3__nonsq_105": ("v3", "ultralytics_yolov3"),
    "erik_yolov3__base_101": ("v3", "eriklindernoren_yolov3"),
    "erik_yolov3__collide_104": ("v3", "eriklindernoren_yolov3"),
    "wky_pytorch_yolov4__base_101": ("v4", "wongkinyiu_yolov4"),
    "wky_scaledyolov4__base_101": ("v4", "scaled_yolov4"),
    "mmdet_yolov3head__base_101": ("v3", "mmdetection"),
    "tianxiaomo_yolov4__base_101": ("v4", "Tianxiaomo"),
    "katacv_jax_yolov4__base_161": ("v4", "(yolov4)"),
    "katacv_jax_yolov5__base_161": ("v4", "(yolov5)"),
}


def config(version, of_program, fine_first):
    """The formula's config with the program's anchors; its heads may stand in any order."""
    options = of_program.build(of_program.load())
    heads = list(zip(options.anchors, options.strides, strict=True))[:: 1 if fine_first else -1]
    anchors = [pair for own, _ in heads for pair in own]
    first = np.cumsum([0, *(len(own) for own, _ in heads)]).tolist()
    masks = [tuple(range(a, b)) for a, b in itertools.pairwise(first)]
    scale = {"scale_xy": (1.0,) * len(heads)} if version == "v4" else {}
    strides = tuple(float(s) for _, s in heads)
    return getattr(yl, version).Config(tuple(map(tuple, anchors)), tuple(masks), strides, **scale)


@pytest.mark.parametrize("given", ["grad", "total"])
@pytest.mark.parametrize("name", NAMED)
def test_a_program_is_named(name, given):
    pytest.importorskip("torch")
    version, said = NAMED[name]
    recorded = case(name)
    ordered = [x.astype(float) for x in recorded.raw]
    as_listed = said in ("mmdetection",)
    turn = 1 if as_listed or given == "grad" else -1  # both orders of heads
    raw, grads = (tuple(v[::turn]) for v in (ordered, recorded.grads))
    result = {"grad": grads} if given == "grad" else {"total": recorded.total}
    answer = compare(result, raw, recorded.targets, config(version, recorded, turn == 1), seconds=0)
    assert not answer.agrees
    assert any(said in program.text for program in answer.programs), str(answer)


def test_numbers_of_no_program_name_none():
    pytest.importorskip("torch")
    recorded = case("ultralytics_yolov3__base_101")
    noise = tuple(g + np.random.default_rng(0).normal(size=g.shape) for g in recorded.grads)
    settings = config("v3", recorded, fine_first=True)
    answer = compare({"grad": noise}, recorded.raw, recorded.targets, settings, seconds=0)
    assert answer.programs == []
