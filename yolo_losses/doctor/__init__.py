"""What is wrong with a batch, before it is trained on."""

from typing import Any

import numpy as np

from .. import _check, v1, v2
from .._versions import of_config
from .._xp import adapter
from ..matching import Matches
from ..targets import Targets
from . import labels, outputs
from .report import Finding, Report
from .scene import on_host

__all__ = ["Finding", "Report", "doctor"]


def doctor(raw: Any, targets: Targets, config: Any) -> Report:
    """Look at a batch, eagerly and on the host, and say what looks wrong.

    Parameters
    ----------
    raw : array (v1, v2), sequence of arrays (v3, v4), or None
        Raw outputs as `loss` takes them, of any library; None to look at the targets alone.
    targets : Targets
        (N, T, 4), (N, T), (N, T).
    config : v1, v2, v3 or v4.Config

    Returns
    -------
    Report
        Iterable of `Finding`; `ok` where there is none. What `loss` refuses, a shape or a dtype,
        is one finding `refused` with its words.

    Raises
    ------
    TypeError
        A config of no version.

    Notes
    -----
    Formats are inferred from many boxes: from fewer than 8 nothing is said. What cannot be told
    from the numbers, as x and y exchanged in square images, is not found.
    """
    module = of_config("doctor", config)
    try:
        given, matches = _assigned(module, raw, targets, config)
    except (TypeError, ValueError) as error:
        remedy = "Hand in what the message asks for."
        return Report((Finding("refused", "error", "the call", str(error), remedy),))
    scene = on_host(given, targets, config, matches)
    with np.errstate(all="ignore"):
        checks = (*labels.CHECKS, *outputs.CHECKS)
        return Report(tuple(finding for check in checks for finding in check(scene)))


def _assigned(
    module: Any, raw: Any, targets: Targets, config: Any
) -> tuple[tuple[Any, ...], tuple[Matches, ...]]:
    """Heads, and their matches on the host; without raw outputs the targets are checked alone."""
    if raw is None:
        _check.targets("doctor", targets, ("targets.boxes", targets.boxes))
        return (), ()
    single = module in (v1, v2)
    found = module.assign(raw, targets, config)
    matches = (Matches(*(adapter(v).host(v) for v in m)) for m in ((found,) if single else found))
    return ((raw,) if single else tuple(raw)), tuple(matches)
