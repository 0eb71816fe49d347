"""What is wrong with a batch, before it is trained on."""

from typing import Any

import numpy as np

from .. import _check
from .._versions import of_config
from .._xp import adapter
from ..targets import Targets
from . import call, fates, labels, outputs
from .report import Finding, Report, join
from .scene import Scene, blank, host, input_size

__all__ = ["Finding", "Report", "doctor", "join"]

CHECKS = (*labels.CHECKS, *outputs.CHECKS, *fates.CHECKS)


def doctor(
    raw: Any, targets: Targets, config: Any, *,
    num_classes: int | None = None, size: tuple[float, float] | None = None,
) -> Report:  # fmt: skip
    """Look at a batch, eagerly and on the host, and say what looks wrong.

    Parameters
    ----------
    raw : array (v1, v2), sequence of arrays (v3, v4), or None
        Raw outputs as `loss` takes them, of any library; None to look at the targets alone.
    targets : Targets
        (N, T, 4), (N, T), (N, T).
    config : v1, v2, v3 or v4.Config
    num_classes : int, optional
        K, where there are no raw outputs or they may have another.
    size : (width, height), optional
        Of the network input, pixels, where there are no raw outputs: then it is seen which
        objects hold a predictor, but in v1, whose predictions decide that.

    Returns
    -------
    Report
        Iterable of `Finding`; `ok` where all are notes. What `loss` refuses, a shape or a dtype, is
        one finding, `refused` with its words where no cause is known.

    Raises
    ------
    TypeError
        A config of no version.

    Notes
    -----
    Formats are inferred from many boxes: from fewer than 8 nothing is said. x and y exchanged are
    seen only where predictions fit the exchanged truths much better; in labels alone they are not.
    Channels reshaped without a transposition are seen only where fields differ much, as objectness
    near −5 does.
    """
    module = of_config("doctor", config)
    try:
        scene = _scene(module, raw, targets, config, num_classes, size)
    except (TypeError, ValueError) as error:
        return Report((call.finding(module, raw, targets, config, error),))
    with np.errstate(all="ignore"):
        return Report(tuple(finding for check in CHECKS for finding in check(scene)))


def _arrays(module: Any, raw: Any) -> list[tuple[str, Any]]:
    """Raw outputs by name, one a head."""
    heads = () if raw is None else call.as_heads(raw, module)
    names = ["raw"] if len(heads) == 1 else [f"heads[{k}]" for k in range(len(heads))]
    for name, x in zip(names, heads, strict=True):
        _check.array("doctor", name, x)
    return list(zip(names, heads, strict=True))


def _scene(
    module: Any, raw: Any, targets: Targets, config: Any,
    num_classes: int | None, size: tuple[float, float] | None,
) -> Scene:  # fmt: skip
    """The batch on the host, with its matches; without raw outputs what is known without them."""
    arrays = _arrays(module, raw)
    if raw is None:
        _check.targets("doctor", targets, ("targets.boxes", targets.boxes))
    there, heads = host(targets), tuple(adapter(x).host(x) for _, x in arrays)
    k, decoded, seen = num_classes, (), heads
    if raw is not None:
        matches, decoded = call.assigned(module, heads, there, config)
        _check.together(
            "doctor", [*arrays, *((f"targets.{f}", x) for f, x in targets._asdict().items())]
        )
        k = heads[0].shape[-1] - 5 * getattr(config, "num_boxes", 1)
    elif size is None:
        matches = ()
    else:
        seen = blank(len(there.boxes), k or int(there.labels.max(initial=0)) + 1, size, config)
        matches = call.assigned_blank(module, seen, there, config)
    grids = tuple((x.shape[1], x.shape[2]) for x in seen)
    return Scene(
        tuple(x.astype(np.float64) for x in heads),
        there.boxes.astype(np.float64), there.labels, there.objects, there.valid,
        num_classes=k, asked=num_classes, size=input_size(grids, config), grids=grids,
        matches=matches, decoded=decoded, config=config,
    )  # fmt: skip
