"""Small edits of a module, all of those that a table of operators finds.

The operators are the usual ones of mutation testing (mutmut's and cosmic-ray's): a number, a string,
a flag, an operator, a comparison, a condition, an argument or a statement is another or is gone. Two
are this project's: a call becomes its first argument (√w is w, what is held constant is not), and
names that are easily confused are exchanged (x and y, minimum and maximum). Left out is what only
fails at once, such as None for a value, and what no run can see: annotations, docstrings, imports,
and whether a `zip` checks that this file has done its own sums (`strict`).
"""

import ast
import copy
import warnings
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, NamedTuple


class Edit(NamedTuple):
    """One edit of a file; `scope`, `old`, `new` and, among equals, `nth` name it."""

    file: str
    scope: str  # the function or class, "" outside
    old: str
    new: str
    nth: int
    line: int
    number: int  # among all edits of the file

    @property
    def key(self) -> str:
        """A name that outlives changes elsewhere in the file."""
        again = f" #{self.nth}" if self.nth > 1 else ""
        return (
            f"{self.file} {self.scope or '(module)'}: {self.old} -> {self.new or '(gone)'}{again}"
        )


# Operators: a node → what may stand in its place.

ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
COMPARISON = {  # at the border, and the other way round
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
CONFUSED = [
    "x y", "w h", "W H", "tx ty", "tw th", "pw ph", "gw gh", "row col", "x_hat y_hat", "w_hat h_hat",
    "dx2 dy2", "cw2 ch2", "x1 x2", "y1 y2", "near far", "width height", "cell_w cell_h",
    "reach_x reach_y", "across along", "prior lane", "minimum maximum", "min max",
    "argmax argmin", "any all", "zeros_like ones_like", "pred gt", "inter union", "box obj",
    "first last", "last_of_each first_of_each", "keep wanted", "ok region", "occupied ignored",
]  # fmt: skip
EXCHANGED = {a: b for pair in CONFUSED for a, b in (pair.split(), pair.split()[::-1])}


def _changed(node: Any, **fields: Any) -> Any:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _constant(node: ast.Constant) -> Iterator[ast.expr]:
    if isinstance(node.value, bool):
        yield _changed(node, value=not node.value)
    elif isinstance(node.value, int | float):
        yield _changed(node, value=node.value + 1)
    elif isinstance(node.value, str):
        yield _changed(node, value=f"XX{node.value}XX")


def _arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[ast.AST]:
    if type(node.op) in ARITHMETIC:
        yield _changed(node, op=ARITHMETIC[type(node.op)]())


def _comparison(node: ast.Compare) -> Iterator[ast.expr]:
    for k, op in enumerate(node.ops):
        for other in COMPARISON[type(op)]:
            yield _changed(node, ops=[*node.ops[:k], other(), *node.ops[k + 1 :]])


def _both(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def _unary(node: ast.UnaryOp) -> Iterator[ast.expr]:
    yield node.operand


def _call(node: ast.Call) -> Iterator[ast.expr]:
    args, keywords = node.args, node.keywords
    if args and not isinstance(args[0], ast.Starred):
        yield args[0]
    if len(args) > 1:
        yield _changed(node, args=args[:-1])
    for k, keyword in enumerate(keywords):
        if keyword.arg != "strict":
            yield _changed(node, keywords=keywords[:k] + keywords[k + 1 :])


def _condition(node: ast.If | ast.IfExp) -> Iterator[ast.AST]:
    for value in (True, False):
        yield _changed(node, test=ast.Constant(value))


def _statement(node: ast.Expr) -> Iterator[ast.AST]:
    yield ast.Pass()


def _decorated(node: ast.FunctionDef | ast.ClassDef) -> Iterator[ast.AST]:
    names = {d.id for d in node.decorator_list if isinstance(d, ast.Name)}
    if node.decorator_list and not names & {"property", "classmethod"}:
        yield _changed(node, decorator_list=[])


def _name(node: ast.Name) -> Iterator[ast.expr]:
    if isinstance(node.ctx, ast.Load) and node.id in EXCHANGED:
        yield _changed(node, id=EXCHANGED[node.id])


def _attribute(node: ast.Attribute) -> Iterator[ast.expr]:
    if node.attr in EXCHANGED:
        yield _changed(node, attr=EXCHANGED[node.attr])


OPERATORS: dict[type, Callable[[Any], Iterator[ast.AST]]] = {
    ast.Constant: _constant, ast.BinOp: _arithmetic, ast.AugAssign: _arithmetic,
    ast.Compare: _comparison, ast.BoolOp: _both, ast.UnaryOp: _unary, ast.Call: _call,
    ast.If: _condition, ast.IfExp: _condition, ast.Expr: _statement, ast.FunctionDef: _decorated,
    ast.ClassDef: _decorated, ast.Name: _name, ast.Attribute: _attribute,
}  # fmt: skip


# Where they are tried.

UNSEEN = (ast.Import, ast.ImportFrom, ast.JoinedStr)
TYPES = ("Any", "Callable", "TypeVar", "dict", "tuple")  # what an alias of a type begins with


class _Place(NamedTuple):
    """A node, how to put another in its place, and the names of where it stands."""

    node: ast.AST
    put: Callable[[ast.AST], None]
    scope: str
    known: frozenset[str]  # names that the scope knows


def _places(
    parent: ast.AST, scope: str = "", known: frozenset[str] = frozenset()
) -> Iterator[_Place]:
    """All places of a tree where an edit shows, from the outside in."""
    for field, value in ast.iter_fields(parent):
        if field in ("annotation", "returns"):
            continue
        for k, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or isinstance(node, UNSEEN) or _is_silent(node):
                continue
            inner, names = scope, known
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                inner = f"{scope}.{node.name}".removeprefix(".")
                names = known | {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                names |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}

            def put(new: ast.AST, value: Any = value, field: str = field, k: int = k) -> None:
                if isinstance(value, list):
                    value[k] = new
                else:
                    setattr(parent, field, new)

            yield _Place(node, put, inner, names)
            yield from _places(node, inner, names)


def _is_silent(node: ast.AST) -> bool:
    """Docstrings, `__all__`, aliases of types, `strict` of a `zip`."""
    if isinstance(node, ast.keyword):
        return node.arg == "strict"
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return False
    head = node.value
    while isinstance(head, ast.Subscript | ast.Call):
        head = head.value if isinstance(head, ast.Subscript) else head.func
    return node.targets[0].id == "__all__" or (isinstance(head, ast.Name) and head.id in TYPES)


def _changes(tree: ast.Module) -> Iterator[tuple[_Place, ast.AST]]:
    for place in _places(tree):
        for new in OPERATORS.get(type(place.node), lambda node: iter(()))(place.node):
            unknown = isinstance(new, ast.Name) and new.id not in place.known
            if not (unknown and isinstance(place.node, ast.Name)):
                yield place, new


def _shown(node: ast.AST) -> str:
    """A node as one line, of a statement what an edit changes."""
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return " ".join(f"@{ast.unparse(d)}" for d in node.decorator_list)
    return " ".join(ast.unparse(node).split())


def edits(file: str, text: str) -> list[Edit]:
    """All edits of a module."""
    out: list[Edit] = []
    seen: dict[tuple[str, str, str], int] = {}
    for number, (place, new) in enumerate(_changes(ast.parse(text))):
        name = place.scope, _shown(place.node), _shown(new)
        seen[name] = seen.get(name, 0) + 1
        out.append(Edit(file, *name, seen[name], place.node.lineno, number))  # type: ignore[attr-defined]
    return out


def compiled(edit: Edit, text: str, path: str) -> CodeType:
    """The module with an edit."""
    tree = ast.parse(text)
    for number, (place, new) in enumerate(_changes(tree)):
        if number == edit.number:
            place.put(ast.copy_location(new, place.node))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what is surely wrong, and known to be
                return compile(ast.fix_missing_locations(tree), path, "exec")
    raise LookupError(edit.key)
