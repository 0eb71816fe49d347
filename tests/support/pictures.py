"""Reference pictures of `yolo_losses.plot`: 300 × 200 pixels, without letters and legends.

A picture agrees with its reference where no tile differs by more than `LIMIT`, which rounding of
colours does not reach and a missing line does. To draw all anew, and then to look at every one:

    python -m tests.support.pictures
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib import image, style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

import yolo_losses as yl
from yolo_losses import plot
from yolo_losses.crosscheck.stages import Difference

FOLDER = Path(__file__).parents[1] / "pictures"
SIZE, DPI = (3, 2), 100  # inches, pixels an inch
TILE = 10  # pixels of a side
LIMIT = 0.015  # root of the mean square of a tile, white against black is 1

SCENES: dict[str, Callable[[Figure], None]] = {}


def scene(draw):
    SCENES[draw.__name__.replace("_", "-")] = draw
    return draw


# Drawing and comparing.


def figure_of(name: str, dpi: int = DPI) -> Figure:
    """A scene, in matplotlib's own style, without what letters make a place for."""
    with style.context("default"):
        figure = Figure(SIZE, dpi=dpi)
        FigureCanvasAgg(figure)
        SCENES[name](figure)
    for text in figure.findobj(Text):
        text.set_visible(False)
    for legend in figure.findobj(Legend):
        legend.remove()
    return figure


def pixels_of(figure: Figure) -> np.ndarray:
    """(height, width, 3), uint8."""
    with style.context("default"):
        figure.canvas.draw()
    return np.array(figure.canvas.buffer_rgba())[..., :3]  # the canvas draws on it again


def reference(name: str) -> np.ndarray:
    return np.round(image.imread(FOLDER / f"{name}.png")[..., :3] * 255).astype(np.uint8)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest root mean square of a tile of the difference, each pixel with its neighbours."""
    gap = blurred((a.astype(float) - b) / 255) ** 2
    rows, cols = (n // TILE for n in gap.shape[:2])
    tiles = gap[: rows * TILE, : cols * TILE].reshape(rows, TILE, cols, TILE, -1)
    return float(np.sqrt(tiles.mean(axis=(1, 3, 4)).max()))


def blurred(x: np.ndarray) -> np.ndarray:
    """The mean of 3 × 3 pixels."""
    for axis in (0, 1):
        x = (np.roll(x, 1, axis) + x + np.roll(x, -1, axis)) / 3
    return x


# Scenes.

WHOLE, PLOT = (0, 0, 1, 1), (0.12, 0.15, 0.84, 0.7)
BOXES = [(0.3, 0.4, 0.4, 0.5), (0.31, 0.41, 0.38, 0.52), (0.75, 0.6, 0.2, 0.5), (0.6, 0.15, 0.1, 0.1),
         (0.02, -0.1, 0.4, 0.6), (1.2, 0.6, 0.3, 0.4)]  # fmt: skip
LABELS = [0, 1, 2, 1, 0, 0]
V3 = yl.v3.Config(anchors=((60, 60), (120, 120), (30, 100)), masks=((1, 2), (0,)), strides=(32, 16),
                  ignore_threshold=0.3)  # fmt: skip
V4 = yl.v4.Config(anchors=((60, 60), (120, 120), (30, 100)), masks=((1, 2), (0,)), strides=(32, 16),
                  scale_xy=(1, 1), assign="intersection", assign_iou_threshold=0.6)  # fmt: skip


def targets() -> yl.Targets:
    """One image: two truths on one predictor, two of their own, and two that are invalid."""
    return yl.Targets(np.array([BOXES]), np.array([LABELS]), np.ones((1, 6), dtype=bool))


def photograph(figure: Figure):
    """Axes with a grey picture on grey: where a pixel ends depends on the version of matplotlib."""
    figure.set_facecolor((91 / 255,) * 3)
    return plot.photograph(np.full((20, 30), 91, np.uint8), figure.add_axes(WHOLE), brightness=1)


def assigned(figure: Figure, version, config) -> None:
    ax = photograph(figure)
    heads = [np.zeros((1, n, n, a, 8)) for n, a in ((8, 2), (16, 1))]
    plot.grid((8, 8), ax)
    plot.assignment(version.assign(heads, targets(), config), config, 0, ax, targets=targets())


@scene
def assignment_v3(figure):
    assigned(figure, yl.v3, V3)


@scene
def assignment_v4(figure):
    assigned(figure, yl.v4, V4)


@scene
def assignment_v1(figure):
    config = yl.v1.Config()
    matches = yl.v1.assign(np.zeros((1, 7, 7, 13)), targets(), config)
    ax = photograph(figure)
    plot.assignment([matches], config, 0, ax, targets=targets())


@scene
def predictions(figure):
    rng = np.random.default_rng(0)
    heads = [0.3 * rng.normal(size=(1, n, n, a, 8)) for n, a in ((8, 2), (16, 1))]
    ax = photograph(figure)
    plot.predictions(yl.v3.decode(heads, V3), yl.v3.assign(heads, targets(), V3), 0, ax)


@scene
def detections(figure):
    ax = photograph(figure)
    boxes, scores = BOXES[:4], [0.9, 0.4, 0.7, 0.8]
    plot.detections(boxes, scores, np.array([0, 1, 2, 5]), list("abcdef"), ax, size=7)


@scene
def terms(figure):
    values = np.array([[4, 2, 1], [3, 1, 2]]) * 1.0
    each = yl.LossTerms(values, values[:, ::-1] / 2, values[::-1], values / 3)
    plot.terms(each, figure.add_axes(PLOT))


@scene
def error_maps(figure):
    errors = [np.zeros((1, n, n, 1, 4)) for n in (4, 8)]
    errors[0][0, 1, 2], errors[0][0, 3, 3], errors[1][0, 5, 2:6] = 1e-3, np.inf, 1e-6
    plot.error_maps(Difference("decode", "boxes", "", 0, 0, 0, 0, 0, 3, 320, (), errors), figure)


def field(figure, name):
    plot.similarity_field(name, figure.add_axes((0.1, 0.15, 0.7, 0.75)), reach=120)


@scene
def similarity_field_iou(figure):
    field(figure, "iou")


@scene
def similarity_field_ciou(figure):
    field(figure, "ciou")


@scene
def similarity_fields(figure):
    plot.similarity_fields(("giou", "diou"), figure)


@scene
def similarity_curves(figure):
    plot.similarity_curves(ax=figure.add_axes(PLOT))


@scene
def slope_curves(figure):
    plot.slope_curves(ax=figure.add_axes(PLOT))


@scene
def offset_curves(figure):
    plot.offset_curves(figure.add_axes(PLOT))


@scene
def size_curves(figure):
    plot.size_curves(figure.add_axes(PLOT))


@scene
def trace(figure):
    way = np.linspace(0, 1, 20)[:, None]
    boxes = (1 - way**2) * [20, 20, 10, 30] + way * [60, 40, 50, 30]
    plot.trace(boxes, np.array([60, 42, 50, 32]), figure.add_axes((0.12, 0.15, 0.7, 0.8)))


@scene
def curves(figure):
    steps = np.arange(50)
    runs = {name: np.exp(-steps * k / 30) for k, name in enumerate(("iou", "ciou", "l2"), 1)}
    plot.curves(runs, figure.add_axes(PLOT))


def write() -> None:
    """All references anew."""
    FOLDER.mkdir(exist_ok=True)
    for name in SCENES:
        path = FOLDER / f"{name}.png"
        image.imsave(path, pixels_of(figure_of(name)))
        print(path.relative_to(Path.cwd()))


if __name__ == "__main__":
    write()
