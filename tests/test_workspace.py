"""`vN.workspace`: a gradient that stays where it is equals a fresh one, call after call."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import (
    JAX,
    CuPy,
    Dask,
    NumPy,
    Strict,
    Torch,
    TorchCuda,
    leaves,
    tree_map,
)
from tests.support.cases import PLAIN, Case, draw_targets, float32, ids
from tests.support.large import ROWS

on = pytest.mark.parametrize
VERSIONS, PYRAMIDS = on("version", list(PLAIN)), on("version", ["v3", "v4"])
IN_PLACE = ["loss_and_grad", "loss_grad_diagnosis"]  # what takes a workspace


@pytest.fixture(params=["numpy", "torch, 1 thread", "torch, 2 threads", "torch-cuda", "cupy"])
def xp(request):
    """A library that assigns in place; with one thread torch lends its memory to NumPy."""
    name, _, threads = request.param.partition(", ")
    library = {"numpy": NumPy, "torch": Torch, "torch-cuda": TorchCuda, "cupy": CuPy}[name]()
    if threads:
        request.getfixturevalue("threads")(int(threads[0]))
    return library


class Batch(NamedTuple):
    """What changes from call to call."""

    raw: Any
    targets: yl.Targets


def batches(case: Case) -> dict[str, Batch]:
    """Other raw outputs and truths, in the shapes of one workspace; NaN, ±inf and ±1e4 too."""
    rng = np.random.default_rng(0)
    (n, t), raw, targets = case.targets.labels.shape, case.raw, case.targets
    drawn = tree_map(lambda v: float32(rng.normal(size=v.shape)), raw)
    wild = tree_map(
        lambda v: rng.choice([np.nan, np.inf, -np.inf, 1e4, -1e4, 0.0], size=v.shape), raw
    )
    rolled, none = (tree_map(f, targets) for f in (lambda v: v[::-1].copy(), lambda v: v[:, :0]))
    many, two = draw_targets(rng, n, 3 * t, case.num_classes), tree_map(lambda v: v[:, :2], targets)
    return {
        "first": Batch(raw, targets),
        "other images": Batch(drawn, rolled),
        "more truths": Batch(raw, many),
        "wild": Batch(wild, targets),
        "no truths": Batch(drawn, none),
        "again": Batch(raw, targets),
        "none valid": Batch(raw, targets._replace(valid=np.zeros_like(targets.valid))),
        "two truths": Batch(drawn, two),
        "all invalid": Batch(raw, targets._replace(labels=targets.labels - 100)),
        "last": Batch(drawn, many),
    }


def same_bits(got, want):
    """Equal numbers with equal signs, of zeros too; NaN equals NaN."""
    for g, w in zip(leaves(got), leaves(want), strict=True):
        assert g.dtype == w.dtype
        np.testing.assert_array_equal(g, w)
        np.testing.assert_array_equal(np.signbit(g)[g == 0], np.signbit(w)[w == 0])


def run(xp, case, batch, config=None, work=None):
    """loss_and_grad on tensors of a library."""
    with np.errstate(all="ignore"):
        raw, targets = xp.tree(batch)
        return case.module.loss_and_grad(raw, targets, config or case.config, work=work)


def on_host(xp, x):
    return tree_map(lambda v: np.array(xp.host(v)), x)


@VERSIONS
def test_equals_a_fresh_gradient(version, xp):
    """Bit for bit, after any other batch; in the same arrays each time."""
    case = PLAIN[version]
    work = case.module.workspace(xp.tree(case.raw))
    for batch in batches(case).values():
        terms, grads = run(xp, case, batch, work=work)
        want_terms, want = on_host(xp, run(xp, case, batch))
        same_bits(on_host(xp, (terms, grads)), (want_terms, want))
        assert all(g is kept for g, kept in zip(leaves(grads), work.grads, strict=True))


@PYRAMIDS
@on("rule", ["shape", "prior", "prediction", None])
def test_every_ignore_rule(version, rule, xp):
    case = PLAIN[version]
    config = replace(case.config, ignore_by=rule, ignore_threshold=0.3)
    work = case.module.workspace(xp.tree(case.raw))
    for batch in batches(case).values():
        _, grads = run(xp, case, batch, config, work)
        same_bits(on_host(xp, grads), on_host(xp, run(xp, case, batch, config)[1]))


def visited(case, batch):
    """(N, H, W) of each head: cells in which a truth stands, or one that is not used."""
    found = case.module.assign(*batch, case.config)
    for x, m in zip(case.heads, found if isinstance(case.raw, tuple) else (found,), strict=True):
        cells = np.zeros(x.shape[:3], dtype=bool)
        cells[np.arange(len(cells))[:, None], m.row, m.col] = True
        yield cells


@VERSIONS
def test_nothing_else_is_written(version, xp):
    """Numbers that are put into fields of cells without a truth stay there."""
    case, marked = PLAIN[version], 7.0
    work = case.module.workspace(xp.tree(case.raw))
    tried = {k: b for k, b in batches(case).items() if k not in ("wild", "more truths", "last")}
    away = [
        ~np.any([*cells], axis=0)
        for cells in zip(*(visited(case, b) for b in tried.values()), strict=True)
    ]
    num_boxes = case.config.num_boxes if version == "v1" else 1
    others = [k for k in range(case.heads[0].shape[-1]) if k not in range(4, 5 * num_boxes, 5)]
    for grad, cells in zip(work.grads, away, strict=True):
        for k in others:
            grad[..., k][xp.array(cells)] = marked
    for batch in tried.values():
        got = on_host(xp, leaves(run(xp, case, batch, work=work)[1]))
        want = on_host(xp, leaves(run(xp, case, batch)[1]))
        for g, w, cells in zip(got, want, away, strict=True):
            assert cells.any() and not cells.all()
            assert (g[cells][..., others] == marked).all()
            assert (w[cells][..., others] == 0).all()
            w[cells] = np.where(np.isin(np.arange(g.shape[-1]), others), marked, w[cells])
            np.testing.assert_array_equal(g, w)


@VERSIONS
def test_two_workspaces_do_not_meet(version, xp):
    case = PLAIN[version]
    first, second = (case.module.workspace(xp.tree(case.raw)) for _ in range(2))
    one, other = list(batches(case).values())[:2]
    _, kept = run(xp, case, one, work=first)
    _, grads = run(xp, case, other, work=second)
    same_bits(on_host(xp, kept), on_host(xp, run(xp, case, one)[1]))
    same_bits(on_host(xp, grads), on_host(xp, run(xp, case, other)[1]))


@VERSIONS
def test_a_call_that_fails_leaves_it_as_it_was(version, xp):
    case = PLAIN[version]
    work = case.module.workspace(xp.tree(case.raw))
    one, other, *_ = batches(case).values()
    run(xp, case, one, work=work)
    bad = other._replace(targets=tree_map(lambda v: v[:1], other.targets))
    with pytest.raises(ValueError, match="targets"):
        run(xp, case, bad, work=work)
    same_bits(on_host(xp, work.grads), on_host(xp, leaves(run(xp, case, one)[1])))
    _, grads = run(xp, case, other, work=work)
    same_bits(on_host(xp, grads), on_host(xp, run(xp, case, other)[1]))


def test_torch_may_change_its_threads(threads):
    """From one thread to two and back: lent to NumPy or not, the memory is the same."""
    xp, case = Torch(), PLAIN["v3"]
    work = case.module.workspace(xp.tree(case.raw))
    for num, batch in zip((1, 2, 2, 1, 2, 1, 1, 2, 1, 2), batches(case).values(), strict=True):
        threads(num)
        _, grads = run(xp, case, batch, work=work)
        same_bits(on_host(xp, grads), on_host(xp, run(xp, case, batch)[1]))


@on("case", ROWS, ids=ids)
def test_more_rows_than_are_written_at_once(case, xp):
    """The rows of all blocks are cleared by the next call."""
    work = case.module.workspace(xp.tree(case.raw))
    rolled = tree_map(lambda v: np.roll(v, 1, axis=0), case.targets)
    for targets in (case.targets, rolled, tree_map(lambda v: v[:, :3], rolled)):
        batch = Batch(case.raw, targets)
        _, grads = run(xp, case, batch, work=work)
        same_bits(on_host(xp, grads), on_host(xp, run(xp, case, batch)[1]))


# Structure, strides, precision.


@PYRAMIDS
@on("name", IN_PLACE)
@on("kind", [list, tuple])
def test_a_list_for_a_list(version, name, kind, xp):
    case = PLAIN[version]
    raw, targets = xp.tree((kind(case.raw), case.targets))
    work = case.module.workspace(raw)
    _, grads, *_ = getattr(case.module, name)(raw, targets, case.config, work=work)
    assert type(grads) is kind
    assert all(g is kept for g, kept in zip(grads, work.grads, strict=True))


def strides(x):
    return tuple(x.stride()) if hasattr(x, "stride") else tuple(s // x.itemsize for s in x.strides)


@VERSIONS
def test_views_of_a_convolution(version, xp):
    """The gradient has the strides of NCHW views, and the numbers of contiguous arrays."""
    case = PLAIN[version]

    def views(raw):
        heads = [xp.array(np.ascontiguousarray(yl.grid.to_nchw(x))) for x in leaves(raw)]
        num = [None if version == "v1" else x.shape[3] for x in case.heads]
        out = tuple(yl.grid.from_nchw(x, k) for x, k in zip(heads, num, strict=True))
        return out if isinstance(raw, tuple) else out[0]

    raw = views(case.raw)
    work = case.module.workspace(raw)
    assert [strides(g) for g in work.grads] == [strides(x) for x in leaves(raw)]
    for batch in batches(case).values():
        with np.errstate(all="ignore"):
            _, grads = case.module.loss_and_grad(
                views(batch.raw), xp.tree(batch.targets), case.config, work=work
            )
        same_bits(on_host(xp, grads), on_host(xp, run(xp, case, batch)[1]))


@VERSIONS
@on("half", ["float16", "bfloat16"])
def test_half_precision(version, half, xp):
    """In the dtype of the raw outputs, saturated as a fresh gradient is."""
    if half == "bfloat16" and not isinstance(xp, Torch):
        pytest.skip(f"{xp.name} has no bfloat16")
    case, dtype = PLAIN[version], getattr(getattr(xp, "torch", np), half)

    def to_half(x):
        return x.to(dtype) if isinstance(xp, Torch) else x.astype(dtype)

    def bits(x):
        return np.array(xp.host(x.float() if half == "bfloat16" else x))

    work = case.module.workspace(tree_map(to_half, xp.tree(case.raw)))
    assert all(half in str(g.dtype) for g in work.grads)
    for batch in batches(case).values():
        with np.errstate(all="ignore"):
            raw, targets = tree_map(to_half, xp.tree(batch.raw)), xp.tree(batch.targets)
            _, grads = case.module.loss_and_grad(raw, targets, case.config, work=work)
            _, want = case.module.loss_and_grad(raw, targets, case.config)
        same_bits(tree_map(bits, grads), tree_map(bits, want))


# Errors.


@VERSIONS
@on("library", [JAX, Dask, Strict])
def test_libraries_without_assignment(version, library):
    case, xp = PLAIN[version], library()
    words = rf"^{version}.workspace: (raw|heads\[0\]) must be .* written in place, got {xp.name}"
    with pytest.raises(TypeError, match=words.replace("array-api-strict", "array_api_strict")):
        case.module.workspace(xp.tree(case.raw))


@VERSIONS
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_trace_of_torch(version):
    """vmap, grad, torch.compile and a tracer look on: what is written would not last."""
    torch, xp, case = pytest.importorskip("torch"), Torch(), PLAIN[version]
    raw, make = xp.tree(case.raw), lambda r: leaves(case.module.workspace(r).grads)
    torch._dynamo.reset()
    for traced, x in (
        (torch.func.vmap(make), tree_map(lambda v: torch.stack([v, v]), raw)),
        (torch.func.grad(lambda r: make(r)[0].sum()), raw),
        (torch.compile(make, backend="aot_eager"), raw),
        (lambda r: torch.jit.trace(make, (r,)), raw),
    ):
        with pytest.raises(TypeError, match=rf"^{version}.workspace: .* or a trace of it"):
            traced(x)


def test_a_trace_of_torch_cannot_write_to_a_workspace():
    torch, xp, case = pytest.importorskip("torch"), Torch(), PLAIN["v3"]
    raw, targets = xp.tree((case.raw, case.targets))
    work = case.module.workspace(raw)
    f = lambda r: case.module.loss_and_grad(r, targets, case.config, work=work)[0].total  # noqa: E731
    with pytest.raises((TypeError, RuntimeError)):
        torch.func.vmap(f)(tree_map(lambda v: torch.stack([v, v]), raw))
    assert not any(g.any() for g in work.grads)


NOT_MINE = {
    "images": lambda raw, work: work(tree_map(lambda v: v[:1], raw)),
    "classes": lambda raw, work: work(tree_map(lambda v: v[..., :-1], raw)),
    "dtype": lambda raw, work: work(tree_map(lambda v: v.astype(np.float32), raw)),
    "library": lambda raw, work: work(Torch().tree(raw)),
    "more heads": lambda raw, work: yl.v3.workspace([np.zeros((2, 2, 2, 1, 6))] * 4),
    "gradient": lambda raw, work: work(raw).grads,
    "array": lambda raw, work: leaves(raw)[0],
    "function": lambda raw, work: work,
    "dict": lambda raw, work: {"grads": ()},
}


@VERSIONS
@on("name", IN_PLACE)
@on("fault", list(NOT_MINE))
def test_a_workspace_of_something_else(version, name, fault):
    case = PLAIN[version]
    work, argument = (
        NOT_MINE[fault](case.raw, case.module.workspace),
        "raw" if version < "v3" else "heads",
    )
    words = rf"^{version}.{name}: work must be a {version}.workspace\({argument}\).*, got "
    with pytest.raises((TypeError, ValueError), match=words):
        getattr(case.module, name)(case.raw, case.targets, case.config, work=work)


@on(
    ("version", "other"),
    [(v, w) for v in PLAIN for w in PLAIN if v != w and {v, w} != {"v3", "v4"}],
)
def test_a_workspace_of_another_version(version, other):
    case, its = PLAIN[version], PLAIN[other]
    with pytest.raises(ValueError, match=rf"^{version}.loss_and_grad: work must be a {version}."):
        case.module.loss_and_grad(
            case.raw, case.targets, case.config, work=its.module.workspace(its.raw)
        )


NO_RAW = {
    "integers": lambda x: x.astype(int),
    "list": lambda x: x.tolist(),
    "None": lambda x: None,
    "two axes": lambda x: x[0, 0, 0].reshape(-1, x.shape[-1]),
}


@VERSIONS
@on("fault", list(NO_RAW))
def test_a_workspace_of_no_raw_outputs(version, fault):
    case = PLAIN[version]
    bad = tree_map(NO_RAW[fault], case.raw)
    with pytest.raises(
        (TypeError, ValueError), match=rf"^{version}.workspace: (raw|heads\[0\]) must "
    ):
        case.module.workspace(bad)


@PYRAMIDS
@on("bad", ["one array", "no array"])
def test_a_workspace_of_no_heads(version, bad):
    """One array would be taken apart along its images."""
    case = PLAIN[version]
    with pytest.raises((TypeError, ValueError), match=rf"^{version}.workspace: heads must "):
        case.module.workspace(case.raw[0] if bad == "one array" else ())
