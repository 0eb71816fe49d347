"""The picture of README.

python -m tests.support.overview
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import yolo_losses as yl
from yolo_losses import plot
from yolo_losses.demo.photographs import class_names, photographs, targets

PATH = Path(__file__).parents[2] / "notebooks" / "pictures" / "overview.png"
SHOWN = ((1, 0.005, 0.435), (0, 0.445, 0.3))  # coffee, astronaut: left, width


def draw() -> Figure:
    """The assignment of YOLOv3 on two photographs, and the field of DIOU."""
    pictures, config = photographs(), yl.v3.Config.coco()
    truths, num_classes = targets(pictures), len(class_names())
    rng = np.random.default_rng(0)
    heads = [rng.normal(size=(4, s, s, 3, 5 + num_classes)) for s in (13, 26, 52)]
    matches = yl.v3.assign(heads, truths, config)
    figure = Figure((14, 4.2), dpi=75)
    for n, left, width in SHOWN:
        ax = figure.add_axes((left, 0.01, width, 0.98))
        plot.photograph(pictures[n].pixels, ax)
        plot.assignment(matches, config, n, ax, targets=truths, num_classes=num_classes)
        plot.names(pictures[n].boxes, pictures[n].objects, ax)
    ax = figure.add_axes((0.79, 0.26, 0.15, 0.66))
    plot.similarity_field("diou", ax)
    return figure


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    draw().savefig(PATH)
    with Image.open(PATH) as whole:
        few = whole.convert("RGB").quantize(256)  # colours: a third of the bytes
    few.save(PATH, optimize=True)
