"""Anchors from labels: k-means by IOU, and its command."""

from itertools import combinations

import numpy as np
import pytest

from conformance.oracle.matching import shape_iou as of_shapes
from conformance.oracle.truth import Truth
from tests.test_bad_input import refuses
from yolo_losses.experiments import clusters
from yolo_losses.experiments.clusters import against_k, evaluate, fit, shape_iou

UPDATES = pytest.mark.parametrize("update", list(clusters.UPDATE))
CENTRES = np.array([[20.0, 40.0], [90.0, 60.0], [200.0, 300.0]])


def three_heaps(seed=0, spread=0.05):
    rng = np.random.default_rng(seed)
    return np.concatenate([c * np.exp(rng.normal(0, spread, (n, 2))) for c, n in zip(CENTRES, (50, 30, 9), strict=True)])  # fmt: skip


def test_shape_iou_is_the_oracles():
    rng = np.random.default_rng(0)
    sizes, anchors = rng.uniform(1, 9, (7, 2)), rng.uniform(1, 9, (3, 2))
    want = [[of_shapes(a, Truth(0.5, 0.5, *s, 0)) for a in anchors] for s in sizes.tolist()]
    np.testing.assert_allclose(shape_iou(sizes, anchors), want, rtol=1e-14)


def test_in_blocks(monkeypatch):
    sizes = three_heaps()
    whole = shape_iou(sizes, CENTRES)
    monkeypatch.setattr(clusters, "BLOCK", 12)
    np.testing.assert_array_equal(shape_iou(sizes, CENTRES), whole)
    assert shape_iou(sizes[:0], CENTRES).shape == (0, 3)


@UPDATES
@pytest.mark.parametrize("seed", range(4))
def test_finds_heaps(update, seed):
    found = fit(three_heaps(), 3, update=update, seed=seed)
    np.testing.assert_allclose(found.anchors, CENTRES, rtol=0.06)
    assert found.counts.tolist() == [50, 30, 9]
    assert found.mean_iou == pytest.approx(shape_iou(three_heaps(), found.anchors).max(1).mean())


@UPDATES
def test_one_anchor_is_the_mean_or_median(update):
    """The first turn starts at a box; whichever is better is kept."""
    sizes = three_heaps()
    found = fit(sizes, 1, update=update, restarts=1)
    centre = clusters.UPDATE[update](sizes)[None]
    assert found.mean_iou >= evaluate(sizes, centre).mean_iou


@UPDATES
def test_as_many_anchors_as_sizes_fit_all(update):
    sizes = np.array([[1, 2], [3, 5], [8, 13], [3, 5]], dtype=float)
    found = fit(sizes, 3, update=update)
    assert found.mean_iou == 1
    assert found.counts.tolist() == [1, 2, 1]
    assert found.anchors.tolist() == [[1, 2], [3, 5], [8, 13]]


def test_best_of_all_pairs():
    """Of anchors that are boxes themselves none serve better: tried one by one."""
    sizes = three_heaps()[::4]
    best = max(evaluate(sizes, sizes[list(p)]).mean_iou for p in combinations(range(len(sizes)), 2))
    assert fit(sizes, 2).mean_iou >= best - 0.005


def test_more_starts_serve_no_worse_and_seeds_repeat():
    rng = np.random.default_rng(1)
    sizes = np.exp(rng.normal(4, 0.8, (200, 2)))
    few, many = (fit(sizes, 6, restarts=n).mean_iou for n in (1, 6))
    assert few <= many
    again = fit(sizes, 6, restarts=6)
    assert again.mean_iou == many
    ticks = []
    fit(sizes, 2, restarts=3, tick=lambda: ticks.append(1))
    assert len(ticks) == 3


def test_mean_iou_rises_with_k():
    curves = against_k(three_heaps(), range(1, 6))
    assert set(curves) == {"mean", "median"}
    for values in curves.values():
        assert (np.diff(values) > 0).all()


@UPDATES
def test_an_empty_cluster_takes_the_box_that_is_served_worst(update):
    sizes = np.array([[1.0, 1.0], [4.0, 4.0]])
    ious = shape_iou(sizes, np.array([[1.0, 1.0]]))
    moved = clusters._moved(sizes, ious, np.zeros(2, dtype=bool), clusters.UPDATE[update])
    assert moved.tolist() == [4, 4]


@pytest.mark.parametrize(
    ("argument", "change"),
    [
        ("sizes", {"sizes": np.ones((3, 3))}),
        ("sizes", {"sizes": np.array([[1, 2], [0, 1.0]])}),
        ("sizes", {"sizes": np.array([[1, np.nan]])}),
        ("k", {"k": 0}),
        ("k", {"k": 3}),
        ("restarts", {"restarts": 0}),
        ("update", {"update": "mode"}),
    ],
)
def test_refuses(argument, change):
    call = {"sizes": np.array([[1, 2], [3, 4], [3, 4]]), "k": 2} | change
    with refuses(ValueError, "clusters.fit", argument):
        fit(call.pop("sizes"), call.pop("k"), **call)


class TestCommand:
    @pytest.fixture
    def labels(self, tmp_path):
        """Three heaps in fractions of a picture of 640 × 320."""
        rows = [f"0 0.5 0.5 {w / 640:.9f} {h / 320:.9f}" for w, h in three_heaps()]
        (tmp_path / "a.txt").write_text("\n".join(rows[:40]))
        (tmp_path / "b.txt").write_text("\n".join(rows[40:]))
        return tmp_path

    @pytest.fixture
    def call(self):
        pytest.importorskip("rich")
        testing = pytest.importorskip("click.testing")
        from yolo_losses.cli import main

        return lambda *args: testing.CliRunner().invoke(main, ["anchors", *map(str, args)])

    def test_prints_anchors_and_mean_iou(self, call, labels):
        done = call(labels, "--k", 3, "--size", "640x320", "--against", 4)
        assert done.exit_code == 0, done.output
        found = fit(three_heaps(), 3)
        line = ", ".join(f"{w:.0f},{h:.0f}" for w, h in found.anchors)
        assert f"anchors = {line}" in done.output
        assert f"{found.mean_iou:.4f}" in done.output
        assert "89 boxes" in done.output
        for value in against_k(three_heaps(), range(1, 5))["mean"]:
            assert f"{value:.4f}" in done.output

    def test_draws(self, call, labels, tmp_path):
        pytest.importorskip("matplotlib")
        for more in ([], ["--against", 3]):
            picture = tmp_path / "anchors.png"
            done = call(labels, "--k", 2, "--restarts", 1, "--plot", picture, *more)
            assert done.exit_code == 0, done.output
            assert picture.read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (["--size", "0"], "--size"),
            (["--size", "4x5x6"], "--size"),
            (["--k", "500"], "k must be at most 89"),
            (["--k", "0"], "--k"),
        ],
    )
    def test_refuses(self, call, labels, args, words):
        done = call(labels, *args)
        assert done.exit_code == 2
        assert words in done.output
        assert len(done.output.strip().splitlines()) == 1

    def test_no_boxes(self, call, tmp_path):
        (tmp_path / "a.txt").write_text("")
        done = call(tmp_path)
        assert done.exit_code == 2
        assert "holds no labelled box" in done.output
        assert call(tmp_path / "none").exit_code == 2
