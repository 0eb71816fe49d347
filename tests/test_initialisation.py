"""Gradients of the terms before anything is learned."""

import math

import numpy as np
import pytest

import yolo_losses as yl
from yolo_losses.demo.versions import argument, by_head, cases, random_raw
from yolo_losses.experiments.initialisation import _gradients, against_objects, pulls

TARGETS = yl.pad_targets([[(0.4, 0.6, 0.3, 0.2), (0.7, 0.2, 0.1, 0.3)], [(0.5, 0.5, 0.6, 0.7)]],
                         [[1, 2], [0]])  # fmt: skip
K = 3


@pytest.mark.parametrize("case", [c for c in cases() if c.name == c.version], ids=lambda c: c.name)
def test_the_gradients_of_the_terms_add_up(case):
    heads = random_raw(case, 0, 2, K)
    parts = list(_gradients(case, heads, TARGETS).values())
    _, whole = case.module.loss_and_grad(argument(case.config, heads), TARGETS, case.config)
    for head, want in enumerate(by_head(whole)):
        np.testing.assert_allclose(sum(p[head] for p in parts), want, atol=1e-12)
    squares = sum((p[head] ** 2).sum() for p in parts for head in range(len(heads)))
    assert squares == pytest.approx(sum((g**2).sum() for g in by_head(whole)))


def test_norms_by_hand():
    """v1, raw outputs of 0: Ĉ = ½, slope ¼; 98 predictors a picture, one of them an object's."""
    one = yl.pad_targets([[(0.5, 0.5, 0.25, 0.25)]], [[0]])
    plain, published = pulls(one, K, scale=0.0)[:2]
    slope = 2 * 0.5 * 0.25
    assert plain.norm["noobj"] == pytest.approx(slope * math.sqrt(97))
    assert published.norm["noobj"] == pytest.approx(0.5 * slope * math.sqrt(97))
    assert plain.bias["noobj"] == pytest.approx(97 * slope)
    assert published.norm["box"] == pytest.approx(5 * plain.norm["box"])
    iou = 1 / 4  # of the box ½ × ½ with ¼ × ¼ on one centre
    assert plain.norm["obj"] == pytest.approx(2 * (0.5 - iou) * 0.25)
    assert plain.bias["obj"] > 0  # even the responsible predictor is told that it claims too much
    rest = math.hypot(*(plain.norm[name] for name in ("box", "obj", "cls")))
    assert plain.noobj_over_others == pytest.approx(plain.norm["noobj"] / rest)


def test_order_and_weights():
    found = pulls(TARGETS, K)
    assert [(p.version, p.published) for p in found] == [
        (v, published) for v in ("v1", "v2", "v3", "v4") for published in (False, True)
    ]
    assert found[4].norm == found[5].norm  # all λ of v3 are 1
    assert found[7].norm["box"] == pytest.approx(0.07 * found[6].norm["box"])
    assert found == pulls(TARGETS, K)
    assert found != pulls(TARGETS, K, seed=1)


def test_without_objects_only_noobj_pulls():
    for pull in pulls(yl.pad_targets([[]], [[]]), K):
        assert pull.noobj_over_others == math.inf
        assert pull.norm["noobj"] > 0


def test_against_objects():
    """With more objects the empty cells weigh less; with the published λ of v1 never more."""
    rng = np.random.default_rng(0)
    boxes = rng.uniform((0.1, 0.1, 0.1, 0.1), (0.9, 0.9, 0.4, 0.4), (9, 4))
    found = against_objects(boxes, np.zeros(9, dtype=int), K)
    assert list(found) == [1, 2, 4, 8]
    ratios = np.array([[p.noobj_over_others for p in column] for column in found.values()])
    assert (ratios[0] > ratios[-1]).all()
    plain, published = ratios[:, 0], ratios[:, 1]
    assert (plain > 1).all()
    assert (published < 1).all()


def test_command(tmp_path):
    pytest.importorskip("rich")
    pytest.importorskip("skimage")
    testing = pytest.importorskip("click.testing")
    from yolo_losses.cli import main

    picture = tmp_path / "i.png"
    done = testing.CliRunner().invoke(main, ["initialisation", "--plot", str(picture)])
    assert done.exit_code == 0, done.output
    assert picture.read_bytes().startswith(b"\x89PNG")
    rows = [line.split() for line in done.output.splitlines() if line.startswith("v1")]
    assert rows[0][:2] == ["v1", "1"]
    assert float(rows[0][-1]) > 1 > float(rows[1][-1])
    assert testing.CliRunner().invoke(main, ["initialisation", "--scale", "-1"]).exit_code == 2
