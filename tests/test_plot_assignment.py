"""What a complete picture of an assignment shows: ignored priors, and what became of the truths."""

from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from yolo_losses import plot
from yolo_losses.plot.fates import fates
from yolo_losses.plot.matches import DOT

pytest.importorskip("matplotlib")

from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure

V1 = yl.v1.Config()
V2 = yl.v2.Config(anchors=((64, 32), (16, 64)), stride=32)
V3 = yl.v3.Config(anchors=((60, 60), (120, 120), (30, 100)), masks=((1, 2), (0,)), strides=(32, 16))
V4 = yl.v4.Config(**{k: getattr(V3, k) for k in ("anchors", "masks", "strides")}, scale_xy=(1, 1))
CONFIGS = {"v1": V1, "v2": V2, "v3": V3, "v4": V4}

SAME = [(0.3, 0.4, 0.4, 0.5), (0.31, 0.41, 0.38, 0.52)]  # one cell, and one prior
ALONE = (0.75, 0.7, 0.2, 0.5)
OUTSIDE = [(1.2, 0.6, 0.3, 0.4), (0.1, -0.1, 0.4, 0.6), (0.5, 0.5, 0.0, 0.2), (0.5, 0.5, 0.1, 2.0)]


@pytest.fixture
def ax():
    figure = Figure((6, 4), dpi=100)
    FigureCanvasAgg(figure)
    return figure.add_axes((0, 0, 1, 1))


def targets_of(boxes, labels=None):
    """Two images: nothing in the first, the boxes in the second; a row that only fills up."""
    boxes = np.array([*boxes, (0.5, 0.5, 0.5, 0.5)])
    labels = np.array([*(labels or [0] * (len(boxes) - 1)), 0])
    valid = np.arange(len(boxes)) < len(boxes) - 1
    pair = (np.stack([np.zeros_like(v), v]) for v in (boxes, labels, valid))
    return yl.Targets(*pair)


def raw_of(config, seed=0, num_classes=3):
    rng = np.random.default_rng(seed)
    if config is V1:
        return rng.normal(size=(2, 7, 7, 10 + num_classes))
    if config is V2:
        return rng.normal(size=(2, 8, 8, 2, 5 + num_classes))
    return [rng.normal(size=(2, n, n, a, 5 + num_classes)) for n, a in ((8, 2), (16, 1))]


def assigned(version, targets, config=None, num_classes=3):
    """Matches of each head."""
    config = config or CONFIGS[version]
    raw = raw_of(CONFIGS[version], num_classes=num_classes)
    found = getattr(yl, version).assign(raw, targets, config)
    return found if isinstance(raw, list) else [found]


def fate(version, targets, config=None, num_classes=3):
    matches = assigned(version, targets, config, num_classes)
    found = fates("plot.x", matches, config or CONFIGS[version], targets, 1, num_classes)
    return found, matches


class TestFates:
    @pytest.mark.parametrize("version", CONFIGS)
    def test_counts_are_those_of_the_matches(self, version):
        """Random truths in crowds, some of them broken."""
        rng = np.random.default_rng(1)
        boxes = np.column_stack([rng.uniform(0, 1, (30, 2)), rng.uniform(0.05, 0.9, (30, 2))])
        boxes[::7, 0] = 1.5
        found, matches = fate(version, targets_of(boxes, list(rng.integers(0, 4, 30))))
        assert found.invalid.sum() == matches[0].invalid[1] > 5
        assert found.unassigned.sum() == matches[0].unassigned[1]
        assert found.usable.sum() == 30 - found.invalid.sum()
        if version != "v4":  # where a truth asks for one predictor
            np.testing.assert_array_equal(
                found.lost.sum(axis=0), [m.collisions[1] for m in matches]
            )
        assert (found.lost.sum(axis=0) <= [m.collisions[1] for m in matches]).all()
        assert found.lost.any()

    @pytest.mark.parametrize("version", CONFIGS)
    def test_who_loses(self, version):
        """In v1 the first truth of a cell keeps it, else the last."""
        found, _ = fate(version, targets_of([*SAME, ALONE]))
        assert found.lost.any(axis=1).tolist() == [version != "v1", version == "v1", False, False]

    def test_what_no_head_takes(self):
        """An anchor in no mask; the conjunction of v4."""
        config = replace(V3, masks=((1,), (0,)))
        matches = yl.v3.assign(
            [np.zeros((2, n, n, 1, 8)) for n in (8, 16)], targets_of([ALONE]), config
        )
        found = fates("plot.x", matches, config, targets_of([ALONE]), 1, None)
        assert found.unassigned.tolist() == [True, False]
        config = replace(V4, assign="intersection", assign_iou_threshold=0.99)
        found, _ = fate("v4", targets_of([ALONE, *SAME]), config)
        assert found.unassigned.tolist() == [True, True, True, False]
        assert not found.lost.any()

    def test_a_class_that_is_none(self):
        """Without the number of classes every class counts."""
        targets = targets_of([ALONE, SAME[0]], [2, 3])
        matches = assigned("v3", targets)
        assert matches[0].invalid[1] == 1
        known, unknown = (fates("plot.x", matches, V3, targets, 1, k) for k in (3, None))
        assert known.invalid.tolist() == [False, True, False]
        assert not unknown.invalid.any()

    def test_no_truths(self):
        targets = yl.pad_targets([[], []], [[], []])
        assert fate("v3", targets)[0].lost.shape == (0, 2)

    def test_other_targets(self, ax):
        matches = assigned("v3", targets_of([ALONE]))
        expected = r"plot.assignment: targets.boxes must have shape \(2, 2, 4\), .* got \(2, 3, 4\)"
        with pytest.raises(ValueError, match=expected):
            plot.assignment(matches, V3, 1, ax, targets=targets_of(SAME))
        with pytest.raises(TypeError, match=r"plot\.assignment: config must be a v1"):
            plot.assignment(matches, object(), 1, ax, targets=targets_of([ALONE]))


def dots_of(ax):
    return [c for c in ax.collections if isinstance(c, EllipseCollection)]


def diameters(dots):
    """Fractions of the picture; the public way to ask is younger than matplotlib 3.8."""
    return 2 * dots._widths


class TestIgnored:
    def test_centres_hues_and_sizes(self, ax):
        targets = targets_of([ALONE, SAME[0]])
        matches = assigned("v3", targets, replace(V3, ignore_threshold=0.2))
        assert plot.ignored(matches, 1, ax) is ax
        for head, (found, dots) in enumerate(zip(matches, dots_of(ax), strict=True)):
            ignored = found.ignored[1].sum(axis=-1)
            rows, cols = np.nonzero(ignored)
            H, W = ignored.shape
            centres = np.column_stack([(cols + 0.5) / W, (rows + 0.5) / H])
            np.testing.assert_allclose(dots.get_offsets(), centres)
            share = ignored[rows, cols] / found.ignored.shape[-1]
            np.testing.assert_allclose(diameters(dots) * W, DOT * np.sqrt(share))
            assert colors.to_hex(dots.get_facecolor()[0]).upper() == plot.HUES[head]
        assert len({*np.round(diameters(dots_of(ax)[0]), 6)}) == 2  # one prior, and two

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_none(self, ax, version):
        plot.ignored(assigned(version, targets_of([ALONE])), 1, ax)
        assert not ax.collections

    def test_dots_of_three_heads_stay_apart(self, ax):
        """Strides that double, every prior ignored."""
        ones = [np.ones((1, n, n, 3), dtype=bool) for n in (4, 8, 16)]
        blank = dict.fromkeys(yl.Matches._fields)
        plot.ignored([yl.Matches(**{**blank, "ignored": x}) for x in ones], 0, ax)
        centres = np.concatenate([d.get_offsets() for d in dots_of(ax)])
        radii = np.concatenate([diameters(d) for d in dots_of(ax)]) / 2
        gaps = np.linalg.norm(centres[:, None] - centres, axis=-1) - radii - radii[:, None]
        assert gaps[~np.eye(len(gaps), dtype=bool)].min() > 0


def marks(ax, marker):
    """Places of marks in pixels, and their faces."""
    ax.figure.draw_without_rendering()
    lines = [line for line in ax.lines if line.get_marker() == marker]
    places = [line.get_transform().transform(line.get_xydata())[0] for line in lines]
    return np.array(places), [line.get_markerfacecolor() for line in lines]


class TestComplete:
    def draw(self, ax, version, targets, config=None):
        matches = assigned(version, targets, config)
        plot.photograph(np.zeros((40, 60), np.uint8), ax)
        out = plot.assignment(matches, config or CONFIGS[version], 1, ax, targets=targets)
        assert out is ax
        return matches

    def test_truths_of_usable_rows(self, ax):
        self.draw(ax, "v2", targets_of([*SAME, ALONE, *OUTSIDE]))
        wide = [p for p in ax.patches if p.get_linewidth() == 3]
        np.testing.assert_allclose([p.get_center() for p in wide], [b[:2] for b in (*SAME, ALONE)])

    @pytest.mark.parametrize("version", CONFIGS)
    def test_a_cross_on_who_lost(self, ax, version):
        self.draw(ax, version, targets_of([*SAME, ALONE]), None)
        places, faces = marks(ax, "X")
        loser = SAME[version == "v1"]
        expected = ax.transData.transform(loser[:2])
        np.testing.assert_allclose(
            places.mean(axis=0), expected
        )  # side by side where there are two
        assert set(faces) <= set(plot.HUES)
        assert len(set(faces)) == len(faces) == len(np.unique(places[:, 0]))

    def test_a_cross_for_each_head(self, ax):
        self.draw(ax, "v4", targets_of(SAME), replace(V4, assign_iou_threshold=0.1))
        assert marks(ax, "X")[1] == list(plot.HUES[:2])

    def test_a_ring_on_what_no_head_takes(self, ax):
        config = replace(V4, assign="intersection", assign_iou_threshold=0.99)
        self.draw(ax, "v4", targets_of([ALONE]), config)
        places, _ = marks(ax, "o")
        np.testing.assert_allclose(places, [ax.transData.transform(ALONE[:2])])

    def test_invalid_truths_are_clipped_and_crossed(self, ax):
        self.draw(ax, "v2", targets_of([ALONE, *OUTSIDE, (np.nan, 0.5, 0.1, 0.1)]))
        dotted = [p for p in ax.patches if p.get_linewidth() == 2]
        edges = [[*p.get_xy(), p.get_width(), p.get_height()] for p in dotted]
        expected = [[1, 0.4, 0, 0.4], [0, 0, 0.3, 0.2], [0.5, 0.4, 0, 0.2], [0.45, 0, 0.1, 1]]
        np.testing.assert_allclose(edges, expected, atol=1e-12)
        places, _ = marks(ax, "x")
        middles = [ax.transData.transform((x + w / 2, y + h / 2)) for x, y, w, h in expected]
        np.testing.assert_allclose(places, middles)

    def test_without_targets_as_before(self, ax):
        """Neither truths nor marks nor dots."""
        matches = assigned("v3", targets_of([*SAME, ALONE]))
        plot.assignment(matches, V3, 1, ax)
        assert not ax.collections
        assert not ax.lines
        assert not [p for p in ax.patches if p.get_linewidth() == 3]


@pytest.mark.parametrize("library", ["torch", "jax", "dask"])
def test_arrays_of_other_libraries(library, ax):
    """The same artists, from arrays that NumPy does not read by itself or that are traced."""
    pytest.importorskip(library)
    targets = targets_of([*SAME, ALONE])
    raw, matches = raw_of(V3), assigned("v3", targets, replace(V3, ignore_threshold=0.2))
    there = {"torch": of_torch, "jax": of_jax, "dask": of_dask}[library]
    plot.assignment(matches, V3, 1, ax, targets=targets)
    plot.predictions(yl.v3.decode(raw, V3), matches, 1, ax)
    other = Figure((6, 4), dpi=100).add_axes((0, 0, 1, 1))
    away = [yl.Matches(*map(there, m)) for m in matches]
    decoded = [yl.Decoded(*map(there, d)) for d in yl.v3.decode(raw, V3)]
    plot.assignment(away, V3, 1, other, targets=yl.Targets(*map(there, targets)))
    plot.predictions(decoded, away, 1, other)
    assert len(ax.patches) == len(other.patches) > 5
    pairs = zip(ax.patches, other.patches, strict=True)
    assert all(np.allclose(a.get_bbox(), b.get_bbox(), atol=1e-6) for a, b in pairs)
    assert len(dots_of(ax)) == len(dots_of(other)) == 2


def of_torch(x):
    import torch

    x = torch.tensor(x)
    return x.requires_grad_() if x.is_floating_point() else x


def of_jax(x):
    import jax.numpy as jnp

    return jnp.asarray(x)


def of_dask(x):
    import dask.array as da

    return da.from_array(x)


class TestLegend:
    def texts(self, ax, config, roles):
        return [t.get_text() for t in plot.legend(ax.figure, config, roles).get_texts()]

    def test_complete(self, ax):
        texts = self.texts(ax, V3, plot.COMPLETE)
        of_head = ["responsible cell", "prior", "ignored priors", "lost to another truth"]
        common = ["truth", "truth that no head takes", "invalid truth, clipped", " "]
        assert texts == [*common, *(f"stride {s}: {t}" for s in (32, 16) for t in of_head)]

    def test_what_a_config_does_not_have(self, ax):
        assert "ignored priors" not in " ".join(self.texts(ax, V2, plot.COMPLETE))
        assert "ignored priors" not in " ".join(self.texts(ax, V4, plot.COMPLETE))  # ignore_by=None
        assert "prior" not in self.texts(ax, V1, plot.COMPLETE)

    def test_some_roles(self, ax):
        assert self.texts(ax, V2, ["truth", "cell"]) == ["truth", "responsible cell"]

    def test_no_such_role(self, ax):
        with pytest.raises(
            ValueError, match=r"plot.legend: roles must be one of 'truth'.* got 'hat'"
        ):
            self.texts(ax, V2, ["hat"])
