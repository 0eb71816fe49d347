"""Pictures of assignments: what is drawn, and where."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

import yolo_losses as yl
from yolo_losses import plot
from yolo_losses.plot.style import line_styles

pytest.importorskip("matplotlib")

from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


@pytest.fixture
def ax():
    figure = Figure((6, 4), dpi=100)
    FigureCanvasAgg(figure)
    return figure.add_axes((0, 0, 1, 1))


def drawn(ax, **wanted):
    """Boxes of the rectangles whose properties are as wanted, (M, 4), centre form."""
    found = [
        (*p.get_center(), p.get_width(), p.get_height())
        for p in ax.patches
        if all(getattr(p, f"get_{k}")() == v for k, v in wanted.items())
    ]
    return np.array(sorted(found)).reshape(-1, 4)


def pixels_of(ax):
    ax.figure.canvas.draw()
    return np.asarray(ax.figure.canvas.buffer_rgba())[..., :3]


@pytest.fixture
def batch():
    """Two images; the second has two objects."""
    boxes = [[[0.1, 0.1, 0.2, 0.2]], [[0.30, 0.55, 0.25, 0.125], [0.9, 0.8, 0.1, 0.4]]]
    return yl.pad_targets(boxes, [[0], [1, 2]])


V2 = yl.v2.Config(anchors=((64, 32), (16, 64)), stride=32)
V4 = replace(yl.v4.Config.tiny_coco(), masks=((3, 4, 5), (0, 1, 2)), ignore_by=None)


class TestPhotograph:
    @pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
    def test_darkened_and_in_fractions(self, ax, shape):
        out = plot.photograph(np.full(shape, 200, dtype=np.uint8), ax, brightness=0.5)
        assert out is ax
        middle = pixels_of(ax)[180:220, 280:320]
        assert (middle == 100).all()
        assert ax.get_aspect() == pytest.approx(40 / 60)
        assert ax.get_images()[0].get_extent() == [0, 1, 1, 0]

    def test_limits_stay(self, ax):
        plot.photograph(np.zeros((10, 10), dtype=np.uint8), ax)
        limits = ax.get_xlim(), ax.get_ylim()
        plot.outlines(np.array([[0.5, 0.5, 3, 3]]), ax)
        assert (ax.get_xlim(), ax.get_ylim()) == limits
        assert ax.yaxis_inverted()

    def test_the_picture_is_not_changed(self, ax):
        pixels = np.full((4, 4, 3), 77, dtype=np.uint8)
        pixels.flags.writeable = False
        plot.photograph(pixels, ax)


def test_current_axes_of_pyplot():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    figure, ax = pyplot.subplots()
    assert plot.grid((2, 3)) is ax
    pyplot.close(figure)


def test_grid(ax):
    assert plot.grid((4, 2), ax) is ax
    across, along = ([s[0].tolist() for s in lines.get_segments()] for lines in ax.collections)
    assert across == [[0.5, 0.0]]
    assert along == [[0.0, 0.25], [0.0, 0.5], [0.0, 0.75]]


def test_outlines_and_truths(ax):
    boxes = np.array([[0.25, 0.5, 0.5, 0.25], [0.75, 0.5, 0.25, 1.0]])
    plot.outlines(boxes, ax, edgecolor="red")
    np.testing.assert_allclose(drawn(ax, edgecolor=colors.to_rgba("red")), boxes)
    plot.truths(boxes[:1], ax)
    np.testing.assert_allclose(drawn(ax, linewidth=3), boxes[:1])
    plot.truths(np.zeros((0, 4)), ax)
    assert len(ax.patches) == 3


class TestNames:
    def place(self, ax, boxes, texts):
        plot.photograph(np.zeros((100, 150), dtype=np.uint8), ax)
        assert plot.names(np.array(boxes), texts, ax) is ax
        ax.figure.canvas.draw()
        assert [t.get_text() for t in ax.texts] == texts
        to_data = ax.transData.inverted()
        extents = [t.get_window_extent().transformed(to_data) for t in ax.texts]
        return [np.array([e.x0, min(e.y0, e.y1), e.x1, max(e.y0, e.y1)]) for e in extents]

    def test_above_left(self, ax):
        (spot,) = self.place(ax, [[0.5, 0.5, 0.4, 0.4]], ["cat"])
        assert spot[0] == pytest.approx(0.3, abs=0.01)
        assert 0.2 < spot[1] < spot[3] <= 0.3

    @pytest.mark.parametrize(
        "box", [[0.5, 0.5, 1, 1], [0.05, 0.05, 0.1, 0.1], [0.97, 0.9, 0.06, 0.2]]
    )
    def test_inside_the_picture(self, ax, box):
        (spot,) = self.place(ax, [box], ["space shuttle model"])
        assert spot.min() >= -0.005
        assert spot.max() <= 1.005

    def test_none_on_another(self, ax):
        boxes = [[0.5, 0.5, 0.6, 0.6], [0.3, 0.3, 0.2, 0.2], [0.22, 0.22, 0.04, 0.04]]
        spots = self.place(ax, boxes, ["one name", "another name", "a third"])
        for a, b in combinations(spots, 2):
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]

    def test_of_boxes_that_leave_the_picture(self, ax):
        """Two boxes on one corner, which they pass: the second text goes to another one."""
        a, b = self.place(ax, [[0.1, 0.5, 0.3, 1.1], [0.1, 0.5, 0.3, 1.2]], ["one", "another"])
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert min(a.min(), b.min()) >= -0.005

    def test_axes_that_a_layout_makes_smaller(self):
        """Places fit the axes as they are drawn."""
        figure = Figure((6, 4), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        ax = figure.subplots()
        (spot,) = self.place(ax, [[0.5, 0.6, 0.8, 0.8]], ["cat"])
        assert spot[3] == pytest.approx(0.2, abs=0.03)

    def test_none(self, ax):
        assert plot.names(np.zeros((0, 4)), [], ax) is ax

    def test_in_a_part_of_a_figure(self):
        figure = Figure((6, 3), dpi=100)
        FigureCanvasAgg(figure)
        part = figure.subfigures(1, 2)[1].add_subplot()
        (spot,) = self.place(part, [[0.5, 0.5, 0.4, 0.4]], ["cat"])
        assert spot[0] == pytest.approx(0.3, abs=0.02)


class TestAssignment:
    def test_v1_has_cells_and_no_priors(self, ax, batch):
        config = yl.v1.Config(num_boxes=2)
        matches = yl.v1.assign(np.zeros((2, 4, 4, 13)), batch, config)
        assert plot.assignment([matches], config, 1, ax) is ax
        squares = [[1.5 / 4, 2.5 / 4, 0.25, 0.25], [3.5 / 4, 3.5 / 4, 0.25, 0.25]]
        np.testing.assert_allclose(drawn(ax, fill=True), squares)
        np.testing.assert_allclose(drawn(ax, fill=False), squares)  # their edges, no prior

    def test_v2(self, ax, batch):
        matches = yl.v2.assign(np.zeros((2, 4, 8, 2, 8)), batch, V2)
        plot.assignment([matches], V2, 1, ax)
        cells = [[2.5 / 8, 2.5 / 4, 1 / 8, 1 / 4], [7.5 / 8, 3.5 / 4, 1 / 8, 1 / 4]]
        np.testing.assert_allclose(drawn(ax, fill=True), cells)
        priors = [[2.5 / 8, 2.5 / 4, 64 / 256, 32 / 128], [7.5 / 8, 3.5 / 4, 16 / 256, 64 / 128]]
        np.testing.assert_allclose(drawn(ax, alpha=0.8), priors)

    def test_v4_a_hue_for_each_head(self, ax, batch):
        heads = [np.zeros((2, s, s, 3, 8)) for s in (13, 26)]
        matches = yl.v4.assign(heads, batch, replace(V4, assign_iou_threshold=0.1))
        plot.assignment(matches, V4, 1, ax)
        for head, found in enumerate(matches):
            hue = colors.to_rgba(plot.HUES[head], 0.8)
            assert len(drawn(ax, edgecolor=hue, alpha=0.8)) == found.positives[1] > 0
            cells = found.responsible[1].any(axis=-1).sum()
            assert len(drawn(ax, facecolor=colors.to_rgba(plot.HUES[head], 0.45))) == cells

    def test_no_objects(self, ax):
        config = V2
        matches = yl.v2.assign(np.zeros((1, 4, 8, 2, 8)), yl.pad_targets([[]], [[]]), config)
        plot.assignment([matches], config, 0, ax)
        assert not ax.patches

    def test_predictions(self, ax, batch):
        raw = np.random.default_rng(0).normal(size=(2, 4, 8, 2, 8))
        matches, decoded = yl.v2.assign(raw, batch, V2), yl.v2.decode(raw, V2)
        assert plot.predictions([decoded], [matches], 1, ax) is ax
        expected = decoded.boxes[1][matches.responsible[1]]
        np.testing.assert_allclose(drawn(ax), expected[np.lexsort(expected.T[::-1])])
        assert len(expected) == 2


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        (yl.v1.Config(), ["truth", "grid", "responsible cell", "decoded box"]),
        (V2, ["truth", "grid", " ", "responsible cell", "decoded box", "prior"]),
        (V4, ["truth", "stride 32: grid", " ", "stride 32: responsible cell",
              "stride 32: decoded box", "stride 32: prior", "stride 16: responsible cell",
              "stride 16: decoded box", "stride 16: prior"]),
    ],
)  # fmt: skip
def test_legend(ax, config, labels):
    legend = plot.legend(ax.figure, config, loc="lower center")
    assert [text.get_text() for text in legend.get_texts()] == labels


# Machado et al. 2009, severity 1: what readers without one kind of receptors see.
BLINDNESS = {
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
}
TABLES = {
    "heads on photographs": (*plot.HUES, plot.TRUTH),
    "terms on white": (*plot.TERM_HUES.values(), "white"),
    "lines on white": (*plot.LINE_HUES, "white"),
}


@pytest.mark.parametrize("hues", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("matrix", BLINDNESS.values(), ids=BLINDNESS)
def test_hues_are_apart_for_colour_blind_readers(hues, matrix):
    seen = [np.array(matrix) @ colors.to_rgb(hue) for hue in hues]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 0.3


def test_line_styles_differ_and_names_keep_theirs():
    many = line_styles([f"run {k}" for k in range(20)])
    assert len({(style["color"], style["linestyle"]) for style in many.values()}) == 20
    four = line_styles(["iou", "giou", "diou", "ciou"])
    assert line_styles(["l2", "ciou"])["ciou"] == line_styles(["ciou"])["ciou"] == four["ciou"]
    assert line_styles(["l2", "ciou"])["l2"] not in four.values()
    assert line_styles(["l2"])["l2"] == line_styles(["iou"])["iou"]  # the first, where it is alone


def test_every_function_is_public():
    assert set(plot.__all__) <= set(vars(plot))
    assert all(getattr(plot, name).__doc__ for name in plot.__all__)
