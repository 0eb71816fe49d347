"""Rules that keep the package one readable implementation."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import yolo_losses

ROOT = Path(yolo_losses.__file__).parent
REPOSITORY = Path(__file__).parents[1]
FILES = sorted(ROOT.rglob("*.py"))
FORMULAS = ["v1.py", "v2.py", "v3.py", "v4.py", "iou.py"]
# Lower ones import upper ones.
LAYOUT = [
    "adapters", "_xp", "_check", "elementwise", "boxes", "iou", "grid", "targets", "matching",
    "nearby", "ignoring", "problems", "terms", "diagnosis", "presets", "v1", "v2", "v3", "v4", "_versions", "nms", "dialects", "data", "cfg", "crosscheck",
    "doctor", "explain", "plot", "testing", "torch", "jax", "demo", "experiments", "bench", "cli",
]  # fmt: skip
CORE = LAYOUT[: LAYOUT.index("v4") + 1]

each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))


def module_of(path):
    """The entry of the layout that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_import_loads_no_other_library():
    """In a fresh process `import yolo_losses` brings in NumPy alone."""
    names = ["torch", "jax", "cupy", "dask", "array_api_strict", "matplotlib", "click", "rich"]
    code = f"import sys, yolo_losses; print([n for n in {names} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", FORMULAS)
def test_docstring_formulas_have_their_code_lines(name):
    """Every numbered formula of a docstring is a tagged line of code below it, and back."""
    text = (ROOT / name).read_text(encoding="utf-8")
    scopes = [n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
    if name != "iou.py":
        assert tags_of_doc(ast.get_docstring(ast.parse(text))) == tags_of_code(text)
        return
    for scope in scopes:
        doc = ast.get_docstring(scope)
        source = "\n".join(text.splitlines()[scope.lineno - 1 : scope.end_lineno])
        assert tags_of_doc(doc or "") == tags_of_code(source), scope.name


def tags_of_doc(doc):
    """Numbers that stand at the beginning or the end of a line of formula."""
    tags = re.findall(r"(?m)(?:^ +\((\d)\)  |  \((\d)\)$)", doc)
    return {first or last for first, last in tags}


def tags_of_code(source):
    return set(re.findall(r"# \((\d)\)", source))


@each_file
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert code_lines(node) <= 25, f"{node.name}: {code_lines(node)} code lines"


def code_lines(function):
    """Lines of a function without its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    lines = {n for stmt in body for n in range(stmt.lineno, stmt.end_lineno + 1)}
    inner = [n for n in ast.walk(function) if isinstance(n, ast.FunctionDef) and n is not function]
    docs = [n.body[0] for n in inner if ast.get_docstring(n)]
    return len(lines - {n for d in docs for n in range(d.lineno, d.end_lineno + 1)})


@each_file
def test_imports_run_downwards(path):
    """A module imports modules above it, and a vN no other vN."""
    here = module_of(path)
    if here == "__init__":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for name in imported(node, path):
            assert name in LAYOUT, f"{name} is not in the layout"
            assert name == here or LAYOUT.index(name) < LAYOUT.index(here), f"imports {name}"
            assert not (re.fullmatch(r"v\d", name) and re.fullmatch(r"v\d", here)), name


def imported(node, path):
    """Entries of the layout that an import statement names."""
    if not isinstance(node, ast.ImportFrom) or node.level == 0:
        return []
    depth = len(path.relative_to(ROOT).parts) - node.level
    package = [*path.relative_to(ROOT).parts[:depth], *(node.module or "").split(".")]
    package = [p for p in package if p]
    return [package[0]] if package else [a.name for a in node.names if a.name != "__version__"]


@pytest.mark.parametrize("name", [n for n in CORE if n not in ("adapters", "_xp")])
def test_the_core_knows_no_library_by_name(name):
    """NumPy works on the host in `targets`; nothing else is named."""
    tree = ast.parse((ROOT / f"{name}.py").read_text(encoding="utf-8"))
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    modules = {
        a.name.partition(".")[0]
        for n in ast.walk(tree)
        if isinstance(n, ast.Import)
        for a in n.names
    }
    allowed = {"numpy"} if name == "targets" else set()
    assert not (names | modules - allowed) & {"torch", "jax", "jnp", "cupy", "dask", "numpy"}


@pytest.mark.parametrize("path", sorted((ROOT / "adapters").glob("*.py")), ids=lambda p: p.name)
def test_adapters_are_small(path):
    """Code lines without docstrings; the contract in `generic` is longer."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = sum(code_lines(n) for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
    assert lines <= 80


def test_every_folder_of_the_package_is_shipped():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = set(project["tool"]["setuptools"]["packages"])
    folders = {path.parent.relative_to(ROOT.parent) for path in FILES}
    assert {".".join(folder.parts) for folder in folders} == shipped - {"yolo_losses.testing.files"}


def test_public_names():
    public = {n for n in vars(yolo_losses) if not n.startswith("_")} | {"__version__"}
    listed = set(yolo_losses.__all__)
    assert listed <= public
    assert {"v1", "v2", "v3", "v4", "iou", "grid", "boxes", "Targets", "pad_targets"} <= listed


@pytest.mark.parametrize("name", ["Config", "decode", "encode", "assign", "loss", "loss_and_grad"])
@pytest.mark.parametrize("version", ["v1", "v2", "v3", "v4"])
def test_every_version_has_the_same_names_documented(version, name):
    assert getattr(getattr(yolo_losses, version), name).__doc__


def test_every_function_exists_in_cupy():
    """CuPy's code runs where no GPU is: every function of the namespace is there."""
    cupy = pytest.importorskip("array_api_compat.cupy")
    used = {
        node.attr
        for path in FILES
        if module_of(path) in CORE and path.name not in ("torch.py", "jax.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and is_namespace(node.value)
    }
    assert len(used) > 30
    assert [name for name in sorted(used) if not hasattr(cupy, name)] == []


def is_namespace(node):
    """`xp`, `self.xp` or `namespace(…)`."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "namespace"
    return (isinstance(node, ast.Name) and node.id == "xp") or (
        isinstance(node, ast.Attribute) and node.attr == "xp"
    )


def test_notation_names_what_the_code_names():
    """Names of NOTATION.md's table occur in the package."""
    table = (ROOT / "NOTATION.md").read_text(encoding="utf-8")
    names = re.findall(r"(?m)^\| [^|]+ \| `([^`]+)`", table)
    source = "\n".join(p.read_text(encoding="utf-8") for p in FILES)
    assert len(names) > 20
    assert [n for n in names for word in n.split() if not re.search(rf"\b{word}\b", source)] == []
