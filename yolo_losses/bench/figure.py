"""The figure of a sweep: time against batch, image and truths, double logarithmic."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .results import Result
from .sweep import AXES, Series, series

# Hues that colour-blind readers tell apart (Okabe and Ito), each with a marker of its own.
STYLES: dict[str | None, dict[str, str]] = {
    "shape": {"color": "#0072B2", "marker": "o"},
    "prior": {"color": "#E69F00", "marker": "s"},
    "prediction": {"color": "#009E73", "marker": "^"},
    None: {"color": "#CC79A7", "marker": "D"},  # v1, v2
}
FLOOR = {"color": "#555555", "linestyle": "--", "marker": "", "linewidth": 1.4}
PANEL = (4.4, 3.5)  # inches
LABELS = {
    "batch": "batch, images",
    "size": "image side, pixels",
    "truths": "truths an image, T",
}


def write(result: Result, path: Path) -> Path:
    """One file, a row of three panels for each version and way."""
    from matplotlib.figure import Figure

    found = series(result["measurements"])
    rows = list(dict.fromkeys((each.version, each.way) for each in found))
    width, height = PANEL[0] * len(AXES), PANEL[1] * len(rows) + 0.6
    figure = Figure((width, height), dpi=130)
    figure.set_layout_engine("constrained", h_pad=0.1)
    panels = figure.subplots(len(rows), len(AXES), squeeze=False, sharey="row")
    for (version, way), row in zip(rows, panels, strict=True):
        here = [each for each in found if (each.version, each.way) == (version, way)]
        for axis, ax in zip(AXES, row, strict=True):
            _panel(ax, axis, here)
        row[0].set_ylabel(f"YOLO{version} on {way}\nloss + gradient, ms")
    figure.suptitle(_title(result), fontsize=10)
    _legend(figure, panels.flat)
    figure.savefig(path)
    return path


def _legend(figure: Any, panels: Iterable[Any]) -> None:
    """Each line once, the floor at the end."""
    lines = {line.get_label(): line for ax in panels for line in ax.get_lines()}
    lines["floor"] = lines.pop("floor")
    figure.legend(
        handles=list(lines.values()), loc="outside lower center", ncols=len(lines), frameon=False
    )


def _title(result: Result) -> str:
    threads = f"{result['threads']} thread{'s' * (result['threads'] > 1)}"
    cpu, allocator, runs = result["machine"]["cpu"], result["allocator"], result["runs"]
    return f"{cpu}, float32, {threads}, allocator {allocator}, minima of {runs} runs"


def _panel(ax: Any, axis: str, found: Sequence[Series]) -> None:
    """Every rule, and the floor."""
    for each in found:
        points = each.points[axis]
        label = f"ignore by {each.ignore_by}" if each.ignore_by else "loss + gradient"
        style = {"linewidth": 1.8, "markersize": 5, **STYLES[each.ignore_by]}
        ax.plot(
            [getattr(p, axis) for p in points],
            [p.seconds * 1e3 for p in points],
            label=label,
            **style,
        )
    points = found[0].points[axis]
    ax.plot(
        [getattr(p, axis) for p in points], [p.floor * 1e3 for p in points], label="floor", **FLOOR
    )
    _axes(ax, axis, [getattr(p, axis) for p in points])
    ax.set_title(_fixed(axis, found), fontsize=10)


def _axes(ax: Any, axis: str, values: Sequence[int]) -> None:
    """Logarithmic, with plain numbers where something was measured."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set(xscale="log", yscale="log", xlabel=LABELS[axis])
    ax.set_xticks(values, [str(v) for v in values])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.tick_params(axis="x", which="minor", bottom=False)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.grid(which="major", color="#DDDDDD", linewidth=0.7)
    ax.set_axisbelow(True)


def _fixed(axis: str, found: Sequence[Series]) -> str:
    """What stays in a panel."""
    first = found[0].points[axis][0]
    words = {
        "batch": f"batch {first.batch}",
        "size": f"{first.size} × {first.size}",
        "truths": f"T = {first.truths}",
    }
    return ", ".join(word for name, word in words.items() if name != axis)
