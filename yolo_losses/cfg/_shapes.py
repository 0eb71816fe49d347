"""Grids and strides of layers, from the network input onwards.

::

    out = ⌊(in + padding − size) / stride⌋ + 1
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from ._sections import Section


class Shape(NamedTuple):
    """What a layer puts out."""

    w: int
    h: int
    c: int
    x: Fraction = Fraction(1)  # pixels of the network input a cell, by the strides alone
    y: Fraction = Fraction(1)


def _windows(x: Shape, c: int, size: int, padding: int, strides: tuple[int, int]) -> Shape:
    """A window that slides over the padded input; padding is of both sides together."""
    across, down = strides
    w = _quotient(x.w + padding - size, across) + 1
    h = _quotient(x.h + padding - size, down) + 1
    return Shape(w, h, c, x.x * across, x.y * down)


def _quotient(a: int, b: int) -> int:
    """a / b towards 0, as the program divides."""
    return a // b if a >= 0 else -(-a // b)


def _strides(layer: Section) -> tuple[int, int]:
    stride = layer.count("stride", 1)
    return layer.count("stride_x", stride), layer.count("stride_y", stride)


def _padding(layer: Section, size: int) -> int:
    """Of one side."""
    return size // 2 if layer.whole("pad", 0) else layer.whole("padding", 0)


def _convolutional(layer: Section, x: Shape) -> Shape:
    size = layer.count("size", 1)
    c = layer.count("filters", 1)
    return _windows(x, c, size, 2 * _padding(layer, size), _strides(layer))


def _deconvolutional(layer: Section, x: Shape) -> Shape:
    size, stride = layer.count("size", 1), layer.count("stride", 1)
    less = size - 2 * _padding(layer, size)
    w, h = (x.w - 1) * stride + less, (x.h - 1) * stride + less
    return Shape(w, h, layer.count("filters", 1), x.x / stride, x.y / stride)


def _local(layer: Section, x: Shape) -> Shape:
    """Its padding only makes up for the window."""
    size, stride = layer.count("size", 1), layer.count("stride", 1)
    padding = size - 1 if layer.whole("pad", 0) else 0
    return _windows(x, layer.count("filters", 1), size, padding, (stride, stride))


def _maxpool(layer: Section, x: Shape) -> Shape:
    if layer.whole("maxpool_depth", 0):
        return x._replace(c=layer.count("out_channels", 1))
    size = layer.count("size", layer.count("stride", 1))
    return _windows(x, x.c, size, layer.whole("padding", size - 1), _strides(layer))


def _avgpool(layer: Section, x: Shape) -> Shape:
    return Shape(1, 1, x.c, x.x * x.w, x.y * x.h)


def _connected(layer: Section, x: Shape) -> Shape:
    return Shape(1, 1, layer.count("output", 1), x.x * x.w, x.y * x.h)


def _crop(layer: Section, x: Shape) -> Shape:
    return x._replace(w=layer.count("crop_width", 1), h=layer.count("crop_height", 1))


def _upsample(layer: Section, x: Shape) -> Shape:
    k = layer.count("stride", 2)
    return Shape(x.w * k, x.h * k, x.c, x.x / k, x.y / k)


def _reorg(layer: Section, x: Shape) -> Shape:
    k = layer.count("stride", 1)
    if layer.whole("reverse", 0):
        return Shape(x.w * k, x.h * k, x.c // k**2, x.x / k, x.y / k)
    return Shape(x.w // k, x.h // k, x.c * k**2, x.x * k, x.y * k)


def _route(layer: Section, *x: Shape) -> Shape:
    for other in x[1:]:
        if (other.w, other.h) != (x[0].w, x[0].h):
            layer.fail(f"[route] joins grids {x[0].w} × {x[0].h} and {other.w} × {other.h}")
    return x[0]._replace(c=sum(each.c for each in x) // layer.count("groups", 1))


def _same(layer: Section, x: Shape, *others: Shape) -> Shape:
    return x


def _of_the_other(layer: Section, x: Shape, other: Shape) -> Shape:
    return other


# Layers that a layer reads; −1 is the network input.


def _before(layer: Section, index: int) -> list[int]:
    return [index - 1]


def _layers(layer: Section, index: int) -> list[int]:
    return _named(layer, index, "layers")


def _and_from(layer: Section, index: int) -> list[int]:
    return [index - 1, *_named(layer, index, "from")]


def _named(layer: Section, index: int, key: str) -> list[int]:
    """Absolute, or relative to the layer itself where negative."""
    if key not in layer.entries:
        layer.fail(f"[{layer.kind}] has no {key}")
    found = []
    for value in layer.wholes(key):
        source = value if value >= 0 else index + value
        if not 0 <= source < index:
            text = f"{key} must name layers before this one, layer {index}, got {value}"
            layer.fail(text, key)
        found.append(source)
    return found


class Rule(NamedTuple):
    """How one kind of layer changes the grid."""

    out: Callable[..., Shape]
    sources: Callable[[Section, int], list[int]] = _before


LOSSES = ("detection", "region", "yolo", "Gaussian_yolo")
_KEEP = (
    "dropout", "cost", "batchnorm", "activation", "softmax", "logistic", "l2norm", "normalization",
    "contrastive", "empty", "silence", "iseg", *LOSSES,
)  # fmt: skip
RULES = {
    **dict.fromkeys(_KEEP, Rule(_same)),
    **dict.fromkeys(("maxpool", "local_avgpool"), Rule(_maxpool)),
    **dict.fromkeys(("reorg", "reorg3d", "reorg_old"), Rule(_reorg)),
    **dict.fromkeys(("scale_channels", "sam"), Rule(_of_the_other, _and_from)),
    "convolutional": Rule(_convolutional),
    "deconvolutional": Rule(_deconvolutional),
    "local": Rule(_local),
    "connected": Rule(_connected),
    "avgpool": Rule(_avgpool),
    "crop": Rule(_crop),
    "upsample": Rule(_upsample),
    "route": Rule(_route, _layers),
    "shortcut": Rule(_same, _and_from),
}


def walk(image: Shape, layers: Sequence[Section]) -> list[Shape | None]:
    """What each layer is given by the one before it; None behind a layer that is not known."""
    outputs: list[Shape | None] = [image]  # of layer −1, 0, 1, …
    for index, layer in enumerate(layers):
        outputs.append(_output(layer, index, outputs))
    return outputs[:-1]


def _output(layer: Section, index: int, outputs: Sequence[Shape | None]) -> Shape | None:
    rule = RULES.get(layer.kind)
    if rule is None:
        return None
    inputs = [outputs[k + 1] for k in rule.sources(layer, index)]
    if None in inputs:
        return None
    shape = rule.out(layer, *inputs)
    if min(shape.w, shape.h, shape.c) < 1:
        layer.fail(f"[{layer.kind}] puts out {shape.w} × {shape.h} × {shape.c}")
    return shape
