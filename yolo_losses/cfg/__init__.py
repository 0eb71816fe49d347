"""cfg files of darknet, as a `Config` of the formula and `Options` of the dialects.

::

    network = cfg.load("yolov4.cfg")
    network.config                             # v4.Config, heads from coarse to fine
    network.layers[0].options["alexeyab_v4"]   # of one loss layer
    print(cfg.report(network))                 # notes, keys without effect, unknown keys

Strides and grids follow from the layers. Values that are not given are the program's defaults. A
file whose [yolo] sections have any key that AlexeyAB's program alone reads is of v4, else of v3.

Where keys go:

* v1: coord_scale → lambda_coord, noobject_scale → lambda_noobj, num → num_boxes.
* v2: coord_scale, object_scale, noobject_scale, class_scale → lambda_coord, lambda_obj,
  lambda_noobj, lambda_class; anchors, which are in cells, times the stride.
* v3, v4: ignore_thresh → ignore_threshold with ignore_by "prediction"; v3 without the gate, as the
  program has none.
* v4: iou_thresh → assign_iou_threshold, iou_normalizer → lambda_coord, obj_normalizer → lambda_obj,
  cls_normalizer → lambda_class, scale_x_y → scale_xy, label_smooth_eps → label_smoothing,
  iou_loss → similarity. cls_normalizer does nothing in the program without counters_per_class;
  "mse" has no similarity, Config has "ciou" then; both are remarked upon.

Config is the formula with the file's numbers, which is not what the program computes: the dialects
are. Of equal keys in a section the first is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

from .. import _check
from ..data import regular
from ._losses import Config, Layer, loss_layers
from ._remarks import unknown
from ._sections import Remark, Section, fail, sections
from ._shapes import RULES, Shape, walk

__all__ = ["Config", "Layer", "Network", "Remark", "load", "loads", "report"]

_OF_A_HEAD = ("masks", "strides", "scale_xy")


@dataclass(frozen=True)
class Network:
    """What a cfg file says about the loss.

    Attributes
    ----------
    width, height, channels : int
        Of the network input.
    batch, subdivisions : int
        As the file has them: a step sees `batch` images, in so many parts.
    classes : int
        K, of the first loss layer.
    config : v1.Config, v2.Config, v3.Config, v4.Config or None
        The formula's, of all heads, from coarse to fine. None where no one Config has all loss
        layers; a note says why.
    layers : tuple of Layer
        The loss layers, in the order of the file.
    notes : tuple of Remark
        What concerns more than one loss layer; those of a layer are in its own.
    unknown : tuple of Remark
        Keys of the whole file that neither program reads.
    """

    width: int
    height: int
    channels: int
    batch: int
    subdivisions: int
    classes: int
    config: Config | None
    layers: tuple[Layer, ...]
    notes: tuple[Remark, ...]
    unknown: tuple[Remark, ...]

    @property
    def heads(self) -> tuple[Layer, ...]:
        """The loss layers in the order of the heads of `config`, from coarse to fine."""
        return tuple(sorted(self.layers, key=lambda layer: -layer.stride))


def load(path: str | PathLike[str]) -> Network:
    """Read a cfg file.

    Parameters
    ----------
    path : path of a text file

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        What is no cfg file, or has no loss layer, by file name and line:
        `cfg.load: yolov4.cfg line 12: …`.
    OSError
        The file cannot be read.
    """
    regular(path)
    text = Path(path).read_bytes().decode("utf-8", errors="replace")
    return _network(text, f"cfg.load: {Path(path).name}")


def loads(text: str) -> Network:
    """Read the text of a cfg file; otherwise like `load`.

    Raises
    ------
    ValueError
        As `load`: `cfg.loads: line 12: …`.
    TypeError
        What is no text.
    """
    return _network(_checked(text), "cfg.loads:")


def _checked(text: object) -> str:
    if not isinstance(text, str):
        _check.wrong_type("cfg.loads", "text", "be a str", type(text).__name__)
    return text


def _network(text: str, place: str) -> Network:
    net, *others = sections(text, place)
    width, height, channels = (net.count(key, None) for key in ("width", "height", "channels"))
    image = Shape(width, height, channels)
    layers = loss_layers(image, others, walk(image, others))
    if not layers:
        fail(place, None, "has no [detection], [region], [yolo] or [Gaussian_yolo] section")
    config, notes = _whole(layers)
    every = [net, *others]
    return Network(
        width, height, channels, net.count("batch", 1), net.count("subdivisions", 1),
        layers[0].classes, config, layers,
        notes=(*notes, *_of_sections(every, [layer.line for layer in layers])),
        unknown=tuple(remark for section in every for remark in unknown(section)),
    )  # fmt: skip


def _of_sections(every: Sequence[Section], losses: Sequence[int]) -> list[Remark]:
    """Repeated keys outside of loss layers, and sections that are not known."""
    found = [
        remark for section in every if section.line not in losses for remark in section.remarks
    ]
    found += [
        section.remark(f"[{section.kind}]", "is no layer that is known here")
        for section in every[1:]
        if section.kind not in RULES
    ]
    return sorted(found)


def _whole(layers: tuple[Layer, ...]) -> tuple[Config | None, list[Remark]]:
    """One Config of all heads, if there is one."""
    if len(layers) == 1:
        return layers[0].config, []
    first, *others = sorted(layers, key=lambda layer: -layer.stride)
    if any(layer.version != first.version for layer in others) or first.version in ("v1", "v2"):
        return None, [_remark(layers, "no one formula has all of these loss layers")]
    for name in ("anchors", "classes"):
        if any(getattr(layer, name) != getattr(first, name) for layer in others):
            text = f"{name} differ from head to head; no one Config has them"
            return None, [_remark(layers, text)]
    return _joined([first, *others]), _differences(layers, first)


def _joined(heads: Sequence[Layer]) -> Config:
    names = [f.name for f in fields(heads[0].config) if f.name in _OF_A_HEAD]
    each = {name: tuple(v for head in heads for v in getattr(head.config, name)) for name in names}
    first: Any = heads[0].config
    joined: Config = replace(first, **each)
    return joined


def _differences(layers: Sequence[Layer], first: Layer) -> list[Remark]:
    """Scalars that are not the same in all heads; Config has those of the coarsest."""
    names = [f.name for f in fields(first.config) if f.name not in _OF_A_HEAD]
    found = []
    for name in names:
        values = [getattr(layer.config, name) for layer in layers]
        if any(value != values[0] for value in values):
            shown = ", ".join(map(str, values))
            text = f"{name} differs from head to head ({shown}); Config has that of the coarsest"
            found.append(_remark(layers, text))
    return found


def _remark(layers: Sequence[Layer], text: str) -> Remark:
    return Remark(layers[0].line, f"[{layers[0].kind}]", text)


def report(network: Network) -> str:
    """All that is remarkable about a file, in plain lines.

    Parameters
    ----------
    network : Network

    Returns
    -------
    str
        One loss layer after another: grid, stride, anchors; then its remarks.
    """
    n = network
    size = f"{n.width} × {n.height} × {n.channels}"
    lines = [f"{size}, K = {n.classes}, batch {n.batch} / {n.subdivisions}"]
    lines += [f"  {remark}" for remark in n.notes]
    for layer in n.layers:
        h, w = layer.grid
        head = f"layer {layer.index}, line {layer.line}: [{layer.kind}] {layer.version}"
        lines.append(f"{head}, grid {h} × {w}, stride {layer.stride}, mask {list(layer.mask)}")
        lines += [f"  {remark}" for remark in layer.notes]
        lines += [f"  no effect: {remark}" for remark in layer.ineffective]
    return "\n".join(lines + [f"unknown: {remark}" for remark in n.unknown]) + "\n"
