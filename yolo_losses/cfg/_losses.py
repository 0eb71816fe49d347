"""Loss layers: what their sections say, as a Config of the formula and Options of dialects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import Any, NamedTuple

from .. import v1, v2, v3, v4
from ..dialects import alexeyab_v2, alexeyab_v4, darknet_v1, darknet_v2, darknet_v3
from ._keys import ALEXEYAB, KNOWN
from ._remarks import ineffective, notes, unknown
from ._sections import Remark, Section
from ._shapes import LOSSES, RULES, Shape

Config = v1.Config | v2.Config | v3.Config | v4.Config
Pairs = tuple[tuple[float, float], ...]
DIALECTS = {
    "detection": (darknet_v1,),
    "region": (darknet_v2, alexeyab_v2),
    "yolo": (darknet_v3, alexeyab_v4),
    "Gaussian_yolo": (),
}
_NOT_READ = {("darknet_v2", "max_boxes")}  # it reads 30, whatever the file says
_NAMES = {"max_boxes": "max"}  # keys of fields that have another name


@dataclass(frozen=True)
class Layer:
    """One loss layer.

    Attributes
    ----------
    index : int
        Among the layers, from 0; the network's section does not count.
    line : int
        Of its section.
    kind : str
        "detection", "region", "yolo" or "Gaussian_yolo".
    version : str
        "v1" to "v4".
    classes : int
        K.
    grid : (H, W)
    stride : float
        Pixels of the network input a cell.
    anchors : tuple of (width, height)
        Of all heads that share them, pixels of the network input; none in v1.
    mask : tuple of int
        The anchors of this head; none in v1.
    config : v1.Config, v2.Config, v3.Config or v4.Config
        The formula's, of this head alone.
    options : dict
        Options by the name of the dialect. They are as the section has them: `darknet_v3` reads no
        key of `alexeyab_v4` alone.
    notes : tuple of Remark
        What the formula has no option for, and what was not clear.
    ineffective : tuple of Remark
        Keys that do nothing to the loss.
    unknown : tuple of Remark
        Keys that neither program reads.
    """

    index: int
    line: int
    kind: str
    version: str
    classes: int
    grid: tuple[int, int]
    stride: float
    anchors: Pairs
    mask: tuple[int, ...]
    config: Config
    options: dict[str, Any] = field(hash=False)
    notes: tuple[Remark, ...]
    ineffective: tuple[Remark, ...]
    unknown: tuple[Remark, ...]


class Head(NamedTuple):
    """What is read of a section before its Config and Options."""

    section: Section
    width: int  # of the network input
    height: int
    grid: tuple[int, int]
    stride: float
    classes: int
    num: int
    given: Pairs  # anchors as the file has them
    anchors: Pairs  # in pixels
    mask: tuple[int, ...]


# Sections.


def _anchors(section: Section, num: int) -> Pairs:
    """Pairs of the file; the program's default is ½ for all."""
    values = section.reals("anchors") if "anchors" in section.entries else (0.5,) * (2 * num)
    if len(values) != 2 * num:
        text = f"anchors must hold 2 · num = {2 * num} numbers, got {len(values)}"
        section.fail(text, "anchors")
    if min(values) <= 0:
        section.fail(f"anchors must be > 0, got {min(values)}", "anchors")
    return tuple(zip(values[::2], values[1::2], strict=True))


def _mask(section: Section, num: int) -> tuple[int, ...]:
    mask = section.wholes("mask") or tuple(range(num))
    for k in mask:
        if not 0 <= k < num:
            section.fail(f"mask must name anchors 0 … {num - 1} (num = {num}), got {k}", "mask")
    if len(set(mask)) < len(mask):
        section.fail(f"mask must name an anchor once, got {', '.join(map(str, mask))}", "mask")
    return mask


def _plain(stride: Fraction) -> float:
    return int(stride) if stride.denominator == 1 else float(stride)


def _detection(section: Section, image: Shape, x: Shape) -> Head:
    side, num = section.count("side", 7), section.count("num", 1)
    classes = section.count("classes", 1)
    _fits(section, x.w * x.h * x.c, side**2 * (5 * num + classes), f"{side}²·({num}·5 + {classes})")
    stride = _plain(Fraction(image.w, side))
    return Head(section, image.w, image.h, (side, side), stride, classes, num, (), (), ())


def _region(section: Section, image: Shape, x: Shape) -> Head:
    num, classes = section.count("num", 1), section.count("classes", 20)
    _fits(section, x.c, num * (5 + classes), f"{num}·(5 + {classes})")
    stride, cells = _stride(section, x), _anchors(section, num)
    pixels = tuple((w * stride, h * stride) for w, h in cells)
    every = tuple(range(num))
    grid = x.h, x.w
    return Head(section, image.w, image.h, grid, stride, classes, num, cells, pixels, every)


def _yolo(section: Section, image: Shape, x: Shape) -> Head:
    num, classes = section.count("num", 1), section.count("classes", 20)
    anchors, mask = _anchors(section, num), _mask(section, num)
    each = 9 if section.kind == "Gaussian_yolo" else 5
    values = len(mask) * (each + classes)
    _fits(section, x.c, values, f"{len(mask)}·({each} + {classes})")
    stride, grid = _stride(section, x), (x.h, x.w)
    return Head(section, image.w, image.h, grid, stride, classes, num, anchors, anchors, mask)


def _fits(section: Section, got: int, values: int, formula: str) -> None:
    if got != values:
        text = f"[{section.kind}] takes {formula} = {values} values"
        section.fail(f"{text}, the layer before it gives {got}")


def _stride(section: Section, x: Shape) -> float:
    if x.x != x.y:
        section.fail(f"cells are {_plain(x.x)} × {_plain(x.y)} pixels; the formulas have squares")
    return _plain(x.x)


HEADS: dict[str, Callable[[Section, Shape, Shape], Head]] = {
    "detection": _detection,
    "region": _region,
    "yolo": _yolo,
    "Gaussian_yolo": _yolo,
}


# Config of the formula.


def _v1(head: Head) -> v1.Config:
    coord, noobject = (head.section.real(f"{name}_scale", 1) for name in ("coord", "noobject"))
    return v1.Config(num_boxes=head.num, lambda_coord=coord, lambda_noobj=noobject)


def _v2(head: Head) -> v2.Config:
    names = {"coord": "coord", "obj": "object", "noobj": "noobject", "class": "class"}
    weights = {f"lambda_{k}": head.section.real(f"{name}_scale", 1) for k, name in names.items()}
    return v2.Config(anchors=head.anchors, stride=head.stride, **weights)


def _shared(head: Head) -> dict[str, Any]:
    """What v3 and v4 have in common; an IOU is never above 1."""
    return {
        "anchors": head.anchors,
        "masks": (head.mask,),
        "strides": (head.stride,),
        "ignore_threshold": min(head.section.real("ignore_thresh", 0.5), 1),
        "ignore_by": "prediction",
    }


def _v3(head: Head) -> v3.Config:
    return v3.Config(**_shared(head), coord_iou_threshold=None)  # the program has no gate


def _v4(head: Head) -> v4.Config:
    section, similarity = head.section, head.section.text("iou_loss", "mse")
    return v4.Config(
        **_shared(head),
        scale_xy=(section.real("scale_x_y", 1),),
        lambda_coord=section.real("iou_normalizer", 0.75),
        lambda_obj=section.real("obj_normalizer", 1),
        lambda_class=section.real("cls_normalizer", 1),
        assign_iou_threshold=min(section.real("iou_thresh", 1), 1),
        similarity="ciou" if similarity == "mse" else similarity,
        label_smoothing=section.real("label_smooth_eps", 0),
    )


CONFIG: dict[str, Callable[[Head], Config]] = {"v1": _v1, "v2": _v2, "v3": _v3, "v4": _v4}


# Options of dialects.


def _multipliers(section: Section, classes: int) -> tuple[float, ...] | None:
    """The largest counter over the counter of each class."""
    counters = section.reals("counters_per_class")
    if not counters:
        return None
    if len(counters) != classes or min(counters) <= 0:
        text = f"counters_per_class must hold {classes} numbers > 0, one for each of classes"
        section.fail(text, "counters_per_class")
    return tuple(max(counters) / counter for counter in counters)


READERS: dict[type, Callable[[Section, str, Any], Any]] = {
    int: Section.whole,
    float: Section.real,
    str: Section.text,
}


def _options(head: Head, kind: type) -> Any:
    """The fields that follow from the network, and those that are keys of the section."""
    section, dialect = head.section, kind.__module__.rpartition(".")[2]
    found: dict[str, Any] = {
        "anchors": head.given, "mask": head.mask, "net_w": head.width, "net_h": head.height,
        "classes": head.classes, "grid_h": head.grid[0], "grid_w": head.grid[1],
        "side": head.grid[0], "num": head.num,
        "classes_multipliers": _multipliers(section, head.classes),
    }  # fmt: skip
    keys = {f.name: _NAMES.get(f.name, f.name) for f in fields(kind)}
    values = {name: found[name] for name in keys if name in found}
    for f in fields(kind):
        key = keys[f.name]
        read = key in section.entries and key in KNOWN[section.kind]
        if read and f.name not in found and (dialect, f.name) not in _NOT_READ:
            values[f.name] = READERS[type(f.default)](section, key, f.default)
    return kind(**values)


def _made(section: Section, make: Callable[..., Any], *arguments: Any) -> Any:
    """What `make` makes; its errors name the line."""
    try:
        return make(*arguments)
    except (ValueError, TypeError) as error:
        text = str(error)
        if text.startswith(section.place.rstrip(":")):
            raise
        key = next((key for key in section.entries if f" {key} must" in text), "")
        section.fail(text, key)


# Layers.


def loss_layers(
    image: Shape, sections: Sequence[Section], given: Sequence[Shape | None]
) -> tuple[Layer, ...]:
    """The loss layers among all layers; `given` is what each layer gets from the one before."""
    heads = [(index, section) for index, section in enumerate(sections) if section.kind in LOSSES]
    versions = _versions([section for _, section in heads])
    layers = []
    for index, section in heads:
        x = given[index]
        if x is None:
            strange = next(s for s in sections if s.kind not in RULES)
            section.fail(
                f"the grid of [{section.kind}] is not known: what [{strange.kind}] in line "
                f"{strange.line} puts out is not known here"
            )
        layers.append(_layer(index, section, image, x, versions[section.kind]))
    return tuple(layers)


def _versions(heads: Sequence[Section]) -> Mapping[str, str]:
    """A [yolo] section is v4 where any of the file has a key that only v4's program reads."""
    yolo = [section for section in heads if section.kind == "yolo"]
    newer = any(not ALEXEYAB.isdisjoint(section.entries) for section in yolo) or any(
        section.kind == "Gaussian_yolo" for section in heads
    )
    return {
        "detection": "v1",
        "region": "v2",
        "yolo": "v4" if newer else "v3",
        "Gaussian_yolo": "v4",
    }


def _layer(index: int, section: Section, image: Shape, x: Shape, version: str) -> Layer:
    if section.whole("coords", 4) != 4:
        section.fail(f"coords must be 4, got {section.whole('coords', 4)}", "coords")
    head = HEADS[section.kind](section, image, x)
    modules = {module.__name__.rpartition(".")[2]: module for module in DIALECTS[section.kind]}
    options = {
        name: _made(section, _options, head, module.Options) for name, module in modules.items()
    }
    return Layer(
        index=index, line=section.line, kind=section.kind, version=version, classes=head.classes,
        grid=head.grid, stride=head.stride, anchors=head.anchors, mask=head.mask,
        config=_made(section, CONFIG[version], head), options=options,
        notes=(*notes(section, version), *_of_the_geometry(head)),
        ineffective=ineffective(section), unknown=unknown(section),
    )  # fmt: skip


def _of_the_geometry(head: Head) -> list[Remark]:
    """Grids and anchors that look wrong."""
    section, (rows, cols) = head.section, head.grid
    found = []
    if head.anchors and "anchors" not in section.entries:
        found.append(section.remark("anchors", "are not given; the program takes 0.5 for all"))
    seen, size = (cols * head.stride, rows * head.stride), (head.width, head.height)
    if head.anchors and seen != size:
        text = (
            f"grid × stride is {seen[0]} × {seen[1]} pixels, the network input {size[0]} × "
            f"{size[1]}: the formula goes by the first, the program by the second"
        )
        found.append(section.remark(f"[{section.kind}]", text))
    widest = max((max(w / cols, h / rows) for w, h in head.given), default=0)
    if section.kind == "region" and widest > 2:
        text = (
            "are in cells of the grid, and some are over twice the grid: are they pixels? The "
            "program and Config take them as cells"
        )
        found.append(section.remark("anchors", text))
    return found
