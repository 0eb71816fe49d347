"""Pictures of losses, comparisons, formulas, runs and detections: what is drawn, and where."""

import subprocess
import sys

import numpy as np
import pytest

import yolo_losses as yl
from yolo_losses import plot
from yolo_losses.crosscheck import compare
from yolo_losses.iou import SIMILARITY, similarity
from yolo_losses.plot.similarities import GT, PRED, REACH, centres

pytest.importorskip("matplotlib")

from matplotlib import colors, quiver
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.path import Path

NAMES = ["iou", "giou", "diou", "ciou"]


@pytest.fixture
def figure():
    figure = Figure((10, 5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@pytest.fixture
def ax(figure):
    return figure.subplots()


def texts_of(legend):
    return [text.get_text() for text in legend.get_texts()]


def covers_nothing(legend, ax):
    """The legend lies outside of the axes."""
    ax.figure.canvas.draw()
    a, b = legend.get_window_extent(), ax.get_window_extent()
    return a.y0 >= b.y1 or a.y1 <= b.y0 or a.x0 >= b.x1


class TestTerms:
    TERMS = yl.LossTerms(*(np.arange(6.0).reshape(2, 3) + k for k in range(1, 5)))

    def test_stacked_by_image_and_head(self, ax):
        assert plot.terms(self.TERMS, ax) is ax
        bars = dict(zip(self.TERMS._fields, ax.containers, strict=True))
        bottom = np.zeros(6)
        for name, values in self.TERMS._asdict().items():
            np.testing.assert_allclose([b.get_height() for b in bars[name]], values.ravel())
            np.testing.assert_allclose([b.get_y() for b in bars[name]], bottom)
            assert {b.get_facecolor() for b in bars[name]} == {colors.to_rgba(plot.TERM_HUES[name])}
            bottom = bottom + values.ravel()
        assert [t.get_text() for t in ax.texts] == [f"{v:.4g}" for v in bottom]
        lefts = np.array([b.get_x() for b in bars["box"]]).reshape(2, 3)
        assert lefts[1, 0] - lefts[0, 2] > lefts[0, 1] - lefts[0, 0]  # images lie apart

    def test_names(self, ax):
        plot.terms(self.TERMS, ax, images=["cat", "dog"], heads=["a", "b", "c"])
        assert [t.get_text() for t in ax.get_xticklabels()] == ["cat", "dog"]
        assert [t.get_text() for t in ax.get_xticklabels(minor=True)] == ["a", "b", "c"] * 2
        assert texts_of(ax.get_legend()) == ["box", "obj", "noobj", "cls"]
        assert "no unit" in ax.get_ylabel()
        assert covers_nothing(ax.get_legend(), ax)

    def test_the_sums_lie_in_the_axes(self, ax):
        plot.terms(self.TERMS, ax)
        ax.figure.canvas.draw()
        assert all(t.get_window_extent().y1 < ax.get_window_extent().y1 for t in ax.texts)

    def test_one_head_has_no_name(self, ax):
        plot.terms(yl.LossTerms(*(v[:, :1] for v in self.TERMS)), ax)
        assert [t.get_text() for t in ax.get_xticklabels()] == ["image 0", "image 1"]
        assert not ax.get_xticklabels(minor=True)

    def test_what_is_not_finite(self, ax):
        box = self.TERMS.box.copy()
        box[0, 0], box[1, 2] = np.nan, np.inf
        plot.terms(self.TERMS._replace(box=box), ax)
        assert [ax.texts[k].get_text() for k in (0, 5)] == ["nan", "inf"]
        assert ax.containers[0][0].get_height() == 0

    def test_of_torch(self, ax):
        torch = pytest.importorskip("torch")
        plot.terms(yl.LossTerms(*(torch.tensor(v, requires_grad=True) for v in self.TERMS)), ax)
        assert ax.containers[0][5].get_height() == 6

    def test_a_name_too_few(self, ax):
        with pytest.raises(ValueError, match=r"plot\.terms: heads must hold 3 names, got 2"):
            plot.terms(self.TERMS, ax, heads=["a", "b"])


class TestErrorMaps:
    CONFIG = yl.v3.Config.tiny_coco()
    TARGETS = yl.pad_targets([[(0.5, 0.5, 0.3, 0.3)]], [[0]])

    def difference(self, change):
        """What `compare` says of a gradient that is changed in place."""
        rng = np.random.default_rng(0)
        heads = [rng.normal(size=(1, n, n, 3, 7)) for n in (4, 8)]
        _, grads = yl.v3.loss_and_grad(heads, self.TARGETS, self.CONFIG)
        change(grads)
        return compare({"grad": grads}, heads, self.TARGETS, self.CONFIG, search=False).difference

    def test_the_largest_error_of_each_cell(self, figure):
        def change(grads):
            grads[0][0, 1, 3, 2, 4] += 0.5
            grads[0][0, 1, 3, 0, 4] += 0.25
            grads[1][0, 6, 2, 1, 4] -= 1e-3

        assert plot.error_maps(self.difference(change), figure) is figure
        meshes = [ax.collections[0] for ax in figure.axes[:2]]
        for mesh, at, error in zip(meshes, ((1, 3), (6, 2)), (0.5, 1e-3), strict=True):
            shown = mesh.get_array()
            assert np.argwhere(~shown.mask).tolist() == [list(at)]  # all others agree
            assert shown[at] == pytest.approx(error)
            assert mesh.axes.yaxis_inverted()
        assert meshes[0].norm.vmax == meshes[1].norm.vmax == pytest.approx(0.5)
        assert figure.get_suptitle() == "gradient (grad): 3 of 1680 numbers differ"

    def test_what_is_not_finite(self, figure):
        def change(grads):
            grads[0][0, 1, 3, 2, 4] = np.nan
            grads[0][0, 2, 0, 0, 4] = -np.inf
            grads[1][0, 0, 0, 0, 4] += 1e-3

        ax = plot.error_map(self.difference(change), 0, figure.subplots())
        (mesh,) = ax.collections
        beyond = mesh.get_array() > mesh.norm.vmax
        assert np.argwhere(beyond.filled(fill_value=False)).tolist() == [[1, 3], [2, 0]]
        assert mesh.norm.vmax == pytest.approx(1e-3)
        assert "not finite" in ax.child_axes[0].get_ylabel()

    def test_many_decades_are_limited(self, figure):
        def change(grads):
            grads[0][0, 1, 3, 2, 4] += 1e8
            grads[1][0, 0, 0, 0, 4] += 1e-3

        plot.error_maps(self.difference(change), figure)
        mesh = figure.axes[1].collections[0]
        assert mesh.get_array()[0, 0] == mesh.norm.vmin == pytest.approx(1)

    def test_no_places(self):
        answer = compare({"total": 1.0}, [np.zeros((1, n, n, 3, 7)) for n in (4, 8)], self.TARGETS,
                         self.CONFIG, search=False)  # fmt: skip
        with pytest.raises(
            ValueError, match=r"plot\.error_maps: difference must have errors with "
        ):
            plot.error_maps(answer.difference)

    def test_no_such_head(self, ax):
        difference = self.difference(lambda grads: grads[0].__iadd__(1))
        with pytest.raises(
            ValueError, match=r"plot\.error_map: head must be an index 0 … 1, got 2"
        ):
            plot.error_map(difference, 2, ax)


def differences(name, x, y, eps=1e-5):
    """Slopes along x and y, and where they agree on both sides; α of CIOU is held constant."""
    name = {"ciou": "diou"}.get(name, name)
    here, *beside = (
        centres(name, x + a * eps, y + b * eps, PRED, GT)[0]
        for a, b in ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1))
    )
    right, down, left, up = ((v - here) / eps for v in beside)
    after, before = np.stack([right, down], axis=-1), -np.stack([left, up], axis=-1)
    return (after + before) / 2, (np.abs(after - before) < 1e-7).all(axis=-1)


def hatched(ax):
    return [c for c in ax.collections if any(getattr(c, "hatches", [None]))]


def arrows_of(ax):
    (found,) = [c for c in ax.collections if isinstance(c, quiver.Quiver)]
    return found


class TestSimilarityField:
    @pytest.mark.parametrize("name", NAMES)
    def test_arrows_are_the_slopes(self, ax, name):
        """Against differences of values, wherever they are the same on both sides."""
        assert plot.similarity_field(name, ax) is ax
        arrows = arrows_of(ax)
        slope, smooth = differences(name, arrows.X, arrows.Y)
        assert smooth.mean() > 0.6
        drawn, size = np.stack([arrows.U, arrows.V], axis=-1), np.hypot(*slope.T)
        factor = np.hypot(*drawn.T) / np.sqrt(size)
        expected = slope * (factor[smooth][0] / np.sqrt(size))[:, None]
        np.testing.assert_allclose(drawn[smooth], expected[smooth], rtol=1e-4, atol=1e-3)

    def test_no_arrow_where_iou_is_flat(self, ax):
        plot.similarity_field("iou", ax)
        arrows, reach = arrows_of(ax), (np.array(PRED) + GT) / 2
        places = np.abs(np.column_stack([arrows.X, arrows.Y]))
        assert (places < reach).all()
        assert (np.hypot(arrows.U, arrows.V) > 0).all()
        (flat,) = hatched(ax)
        (path,) = flat.get_paths()
        for point, inside in (
            ((-140, 0), True),
            ((0, 0), True),
            ((60, 0), False),
            ((0, 80), False),
        ):
            rings = [Path(ring).contains_point(point) for ring in path.to_polygons()]
            assert sum(rings) % 2 == inside  # a hole is a ring in a ring

    @pytest.mark.parametrize("name", ["diou", "ciou"])
    def test_slopes_everywhere(self, ax, name):
        plot.similarity_field(name, ax)
        assert len(arrows_of(ax).X) == 15**2 - 1  # none on the top
        assert not hatched(ax)

    def test_one_scale_for_all(self, figure):
        assert plot.similarity_fields(onto=figure) is figure
        fields = [ax.collections[0] for ax in figure.axes[:4]]
        assert [ax.get_title() for ax in figure.axes[:4]] == NAMES
        assert all((f.levels == fields[0].levels).all() for f in fields)
        assert all(f.get_clim() == fields[0].get_clim() for f in fields)
        low, high = fields[0].get_clim()
        assert low == -high  # 0 is the middle of the colours
        assert len(figure.axes) == 5

    def test_a_registered_one(self, figure, monkeypatch):
        monkeypatch.setattr("yolo_losses.iou.SIMILARITY", SIMILARITY)
        try:
            similarity(twice)
            plot.similarity_fields(["twice", "iou", "giou"], figure)
            shown = [ax.get_title() for ax in figure.axes if ax.get_title()]
            assert shown == ["twice", "iou", "giou"]
            plot.similarity_curves(["twice"], figure.axes[0])
        finally:
            SIMILARITY.pop("twice", None)

    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"name": "eiou"}, r"name must be one of 'iou', .* got 'eiou'"),
            ({"name": "iou", "pred": (0, 1)}, r"pred\[0\] must be a number > 0, got 0"),
            ({"name": "iou", "gt": (1, -1)}, r"gt\[1\] must be a number > 0, got -1"),
            ({"name": "iou", "reach": 0}, r"reach must be a number > 0, got 0"),
        ],
    )
    def test_errors(self, ax, kwargs, message):
        with pytest.raises(ValueError, match=rf"plot\.similarity_field: {message}"):
            plot.similarity_field(ax=ax, **kwargs)


def twice(pred, gt):
    """A similarity of one's own."""
    return SIMILARITY["iou"](pred, gt) * 2


class TestSimilarityCurves:
    @pytest.mark.parametrize("name", NAMES)
    def test_slopes_are_those_of_the_values(self, figure, name):
        a, b = figure.subplots(1, 2)
        assert plot.similarity_curves(ax=a, along=(3, 4)) is a
        assert plot.slope_curves(ax=b, along=(3, 4)) is b
        (value,), (slope,) = ([x for x in ax.lines if x.get_label() == name] for ax in (a, b))
        away, values = value.get_data()
        assert (away[0], away[-1]) == (-REACH, REACH)
        x, y = 0.6 * away, 0.8 * away
        np.testing.assert_allclose(values, centres(name, x, y, PRED, GT)[0])
        expected, smooth = differences(name, x, y)
        assert smooth.mean() > 0.9
        np.testing.assert_allclose(
            slope.get_ydata()[smooth], (expected @ (0.6, 0.8))[smooth], atol=1e-7
        )
        assert value.get_color() == slope.get_color()
        assert covers_nothing(a.get_legend(), a)
        assert b.get_ylabel().endswith("1/px")

    def test_no_direction(self, ax):
        with pytest.raises(ValueError, match=r"plot\.slope_curves: along must be a direction"):
            plot.slope_curves(ax=ax, along=(0, 0))

    def test_iou_is_flat_where_the_boxes_are_apart(self, ax):
        plot.slope_curves(["iou", "diou"], ax, along=(1, 0))
        (x, iou), (_, diou) = (line.get_data() for line in ax.lines if line.get_label()[0] != "_")
        apart = np.abs(x) > (PRED[0] + GT[0]) / 2
        assert (iou[apart] == 0).all()
        assert (diou[apart] * np.sign(x[apart]) < 0).all()


class TestDecode:
    def test_centres(self, ax):
        assert plot.offset_curves(ax, scales=(1, 2)) is ax
        lines = {line.get_label(): line.get_data() for line in ax.lines}
        t, v3 = lines["s = 1, v3"]
        np.testing.assert_allclose(v3, yl.elementwise.sigmoid(t), rtol=1e-12)
        assert lines["s = 2"][1][[0, -1]] == pytest.approx([-0.5, 1.5], abs=0.01)
        assert [v[100] for _, v in (lines["s = 1, v3"], lines["s = 2"])] == [0.5, 0.5]

    def test_what_is_in_reach(self, ax):
        plot.offset_curves(ax)
        bars = [line.get_ydata() for line in ax.lines if line.get_marker() == "_"]
        scales = np.array([1, 1.05, 1.1, 1.2, 2])
        expected = np.stack([-(scales - 1) / 2, 1 + (scales - 1) / 2], axis=1)
        np.testing.assert_allclose(bars, expected, atol=1e-12)
        assert all(line.get_xdata()[0] > 6 for line in ax.lines if line.get_marker() == "_")

    def test_sizes(self, ax):
        assert plot.size_curves(ax, priors=(30,), reach=1) is ax
        line, dot = ax.lines
        t, width = line.get_data()
        np.testing.assert_allclose(width, 30 * np.exp(t), rtol=1e-12)
        assert [*dot.get_xdata(), *dot.get_ydata()] == [0, 30]
        assert covers_nothing(ax.get_legend(), ax)

    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"scales": ()}, r"scales must hold at least one number, got \(\)"),
            ({"scales": (1, -1)}, r"scales\[1\] must be a number > 0, got -1"),
            ({"reach": 0}, r"reach must be a number > 0, got 0"),
        ],
    )
    def test_errors(self, ax, kwargs, message):
        with pytest.raises(ValueError, match=rf"plot\.offset_curves: {message}"):
            plot.offset_curves(ax, **kwargs)


class TestTrace:
    WAY = np.linspace(0, 1, 101)[:, None] ** 0.2
    BOXES = (1 - WAY) * [20, 20, 10, 30] + WAY * [60, 40, 50, 30]
    GT = np.array([60, 42, 50, 32])

    def test_from_the_first_to_the_last(self, ax):
        assert plot.trace(self.BOXES, self.GT, ax) is ax
        truth, *steps = ax.patches
        assert tuple(truth.get_center()) == (60, 42)
        assert [tuple(p.get_center()) for p in (steps[0], steps[-1])] == [(20, 20), (60, 40)]
        centres = np.array([p.get_center() for p in steps])
        gaps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
        assert gaps[1:].max() < 3 * gaps[1:].min()  # outlines lie apart, though steps get short
        assert len({p.get_edgecolor() for p in steps}) == len(steps) > 5

    def test_all_in_view(self, ax):
        plot.trace(self.BOXES, self.GT, ax)
        left, right, bottom, top = *ax.get_xlim(), *ax.get_ylim()
        assert left < 15
        assert right > 85
        assert top < 5
        assert bottom > 58
        assert ax.get_aspect() == 1

    def test_on_a_photograph(self, ax):
        plot.photograph(np.zeros((40, 60), np.uint8), ax)
        limits = ax.get_xlim(), ax.get_ylim()
        plot.trace(self.BOXES / 100, self.GT / 100, ax)
        assert (ax.get_xlim(), ax.get_ylim()) == limits

    def test_one_step(self, ax):
        plot.trace(self.BOXES[:1], self.GT, ax)
        assert len(ax.patches) == 2

    def test_shapes(self, ax):
        with pytest.raises(ValueError, match=r"plot\.trace: boxes must have shape \(steps, 4\)"):
            plot.trace(self.BOXES[0], self.GT, ax)
        with pytest.raises(ValueError, match=r"plot\.trace: gt must have shape \(4,\)"):
            plot.trace(self.BOXES, self.GT[None], ax)


class TestCurves:
    @pytest.mark.parametrize("yscale", ["log", "linear"])
    def test_runs(self, ax, yscale):
        runs = {"l2": np.arange(5, 0, -1), "ciou": np.ones(3)}
        assert plot.curves(runs, ax, yscale=yscale, ylabel="error, px") is ax
        assert [line.get_label() for line in ax.lines] == list(runs)
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), runs["l2"])
        assert (ax.get_yscale(), ax.get_ylabel()) == (yscale, "error, px")
        assert covers_nothing(ax.get_legend(), ax)

    def test_a_name_looks_the_same_everywhere(self, figure):
        a, b = figure.subplots(1, 2)
        plot.curves({"l2": [1, 2], "giou": [1, 2]}, a)
        plot.similarity_curves(["giou"], b)
        assert a.lines[1].get_color() == b.lines[-1].get_color()
        assert a.lines[1].get_linestyle() == b.lines[-1].get_linestyle()

    def test_scale(self, ax):
        with pytest.raises(
            ValueError, match=r"plot\.curves: yscale must be one of 'log', 'linear'"
        ):
            plot.curves({"a": [1]}, ax, yscale="loglog")


class TestDetections:
    BOXES = np.array([[0.3, 0.3, 0.2, 0.2], [0.7, 0.7, 0.3, 0.3], [0.3, 0.7, 0.2, 0.2]])
    SCORES = np.array([0.9, 0.25, 0.5])
    LABELS = np.array([1, 0, 5])

    def draw(self, ax, class_names=None):
        plot.photograph(np.zeros((40, 60), np.uint8), ax)
        return plot.detections(self.BOXES, self.SCORES, self.LABELS, class_names, ax)

    def test_boxes_from_the_lowest_score_up(self, ax):
        assert self.draw(ax) is ax
        centres = [p.get_center() for p in ax.patches]
        np.testing.assert_allclose(centres, self.BOXES[[1, 2, 0], :2])
        hues = [plot.HUES[k] for k in (0, 1, 1)]
        assert [colors.to_hex(p.get_edgecolor()).upper() for p in ax.patches] == hues
        dashes = [p.get_linestyle() for p in ax.patches]
        assert dashes[0] == dashes[2] != dashes[1]  # classes 1 and 5 share a hue

    def test_names_and_scores(self, ax):
        self.draw(ax, ["cat", "dog", *"abcd"])
        assert [t.get_text() for t in ax.texts] == ["dog 0.90", "d 0.50", "cat 0.25"]
        edges = [colors.to_hex(t.get_bbox_patch().get_edgecolor()).upper() for t in ax.texts]
        assert edges == [plot.HUES[k] for k in (1, 1, 0)]

    def test_without_names(self, ax):
        self.draw(ax)
        assert ax.texts[0].get_text() == "class 1 0.90"

    def test_none(self, ax):
        plot.photograph(np.zeros((40, 60), np.uint8), ax)
        plot.detections(np.zeros((0, 4)), [], np.zeros(0, int), [], ax)
        assert not ax.patches

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"scores": [0.5]},
                r"scores must have shape \(3,\), an entry for each box, got \(1,\)",
            ),
            ({"labels": [0, 1]}, r"labels must have shape \(3,\)"),
            (
                {"labels": [0, 1, 2]},
                r"labels must have a name in class_names each, got \[0, 1, 2\]",
            ),
            ({"labels": [0, 1, -1], "class_names": None}, r"labels must be ≥ 0"),
            ({"class_names": []}, r"labels must have a name in class_names each"),
        ],
    )
    def test_errors(self, ax, change, message):
        given = {"boxes": self.BOXES, "scores": self.SCORES, "labels": [0, 1, 1],
                 "class_names": ["a", "b"], **change}  # fmt: skip
        with pytest.raises(ValueError, match=rf"plot\.detections: {message}"):
            plot.detections(ax=ax, **given)

    def test_labels_are_integers(self, ax):
        with pytest.raises(TypeError, match=r"plot\.detections: labels must have an integer dtype"):
            plot.detections(self.BOXES, self.SCORES, [0.0, 1.0, 1.5], None, ax)


def test_figures_of_their_own():
    """Without a figure to draw on, in a process without a screen."""
    code = (
        "import matplotlib; matplotlib.use('agg'); from matplotlib import pyplot; "
        "from yolo_losses import plot; a = plot.similarity_fields(['iou']); "
        "assert pyplot.gcf() is a; ax = plot.size_curves(); assert ax.figure is a"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
