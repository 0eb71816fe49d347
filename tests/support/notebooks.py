"""The notebooks: scripts with markdown between, and what they print, stored beside them.

    python -m tests.support.notebooks              run all, and store what they print
    python -m tests.support.notebooks --check 03   run some, and compare with what is stored

The `.py` file is the source (jupytext's percent format), the `.ipynb` is made of it. A cell with
the tag `varies` prints what no two runs have in common, times say, and is run but not compared.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
TIMEOUT = 900  # seconds a cell
VARIES = "varies"
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?", re.IGNORECASE)
RELATIVE, ABSOLUTE = 2e-3, 1e-9  # of what is printed: libraries round otherwise on other machines


def scripts() -> list[Path]:
    """All notebooks, in order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def source(script: Path) -> Any:
    """The notebook of a script, without outputs."""
    notebook = jupytext.read(script, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    for k, cell in enumerate(notebook.cells):
        cell.id = f"{script.stem[:2]}-{k:02d}"
    return notebook


def executed(script: Path) -> Any:
    """The notebook of a script, run from top to bottom in its folder."""
    notebook = source(script)
    os.environ["PYTHONPATH"] = str(ROOT)  # which a kernel inherits, as the next
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # notebooks run side by side
    options = {
        "timeout": TIMEOUT,
        "resources": {"metadata": {"path": str(script.parent)}},
        "record_timing": False,
        "coalesce_streams": True,
    }
    with tempfile.TemporaryDirectory() as sockets:  # files do not collide, as ports may
        kernel = AsyncKernelManager(transport="ipc", ip=f"{sockets}/kernel")
        NotebookClient(notebook, km=kernel, **options).execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def stored(script: Path) -> Any:
    """The notebook as it is stored."""
    return nbformat.read(script.with_suffix(".ipynb"), as_version=4)


def cells(notebook: Any) -> list[tuple[str, str]]:
    """Kind and text of all cells."""
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]


def printed(cell: Any) -> str:
    """What a cell printed, without its pictures."""
    parts = []
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        picture = any(kind.startswith("image/") for kind in data)
        parts.append("<picture>" if picture else output.get("text") or data.get("text/plain", ""))
    return "\n".join(parts)


def same(a: str, b: str) -> bool:
    """Whether two texts have the same words, and numbers that agree."""
    if "".join(NUMBER.sub("#", a).split()) != "".join(NUMBER.sub("#", b).split()):
        return False
    pairs = zip(map(float, NUMBER.findall(a)), map(float, NUMBER.findall(b)), strict=True)
    return all(abs(x - y) <= ABSOLUTE + RELATIVE * max(abs(x), abs(y)) for x, y in pairs)


def differences(new: Any, old: Any) -> Iterator[str]:
    """What a run printed otherwise than what is stored."""
    if cells(new) != cells(old):
        yield "the .ipynb is not made of the .py as it is"
        return
    for k, (cell, before) in enumerate(zip(new.cells, old.cells, strict=True)):
        if VARIES in cell.metadata.get("tags", ()):
            continue
        if not same(printed(cell), printed(before)):
            yield f"cell {k} prints\n{printed(cell)}\nbut stored is\n{printed(before)}"


def main() -> None:
    """Run, and store or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare with what is stored")
    parser.add_argument("names", nargs="*", help="how names begin, as 03; all if left out")
    options = parser.parse_args()
    wrong = 0
    for script in scripts():
        if options.names and not script.name.startswith(tuple(options.names)):
            continue
        print(script.name, flush=True)
        notebook = executed(script)
        if options.check:
            found = list(differences(notebook, stored(script)))
            wrong += len(found)
            print(*found, sep="\n")
        else:
            nbformat.write(notebook, script.with_suffix(".ipynb"))
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
