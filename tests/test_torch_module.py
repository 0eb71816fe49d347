"""`yolo_losses.torch.YOLOLoss`: the terms of `vN.loss`, and a backward pass that is its gradient."""

import copy
import io
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import Torch, TorchLent, leaves, tree_map
from tests.support.cases import CASES, PLAIN, ids, random
from yolo_losses import terms
from yolo_losses._xp import adapter

torch = pytest.importorskip("torch")

from torch.autograd import forward_ad  # noqa: E402

from yolo_losses.torch import YOLOLoss  # noqa: E402

on = pytest.mark.parametrize
VERSIONS = on("version", list(PLAIN))


@pytest.fixture(params=["cpu, 1 thread", "cpu, 2 threads", "cuda"])
def device(request, threads):
    """Where tensors are; with one thread constants on the CPU are lent to NumPy."""
    name, _, num = request.param.partition(", ")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no GPU")
    if num:
        threads(int(num[0]))
    return name


@pytest.fixture
def one_thread(threads):
    """Constants would be lent to NumPy."""
    threads(1)


def tensors(x, device="cpu", dtype=None):
    """A tree of host arrays as tensors, the floating ones in a dtype."""
    move = lambda v: torch.from_numpy(v.copy()).to(device)  # noqa: E731
    return tree_map(lambda v: move(v).to(dtype if v.dtype.kind == "f" else None), x)


def asking(x):
    """New leaves that ask for a gradient."""
    return tree_map(lambda v: v.detach().clone().requires_grad_(), x)


def host(x):
    return x.detach().double().cpu().numpy()


def close(got, want, tolerance=1e-12):
    """All arrays of two trees, within a part of the largest number of each."""
    for g, w in zip(leaves(got), leaves(want), strict=True):
        scale = max(1.0, np.abs(host(w)).max(initial=0))
        np.testing.assert_allclose(host(g), host(w), rtol=0, atol=tolerance * scale)


def weights_like(each, seed=0):
    """Any numbers, one for each term, image and head."""
    rng = np.random.default_rng(seed)
    return [torch.as_tensor(rng.normal(size=v.shape)).to(v) for v in each]


def pulled(each, raw):
    """The gradient of arbitrary cotangents · terms."""
    total = sum((w * v).sum() for w, v in zip(weights_like(each), each, strict=True))
    return torch.autograd.grad(total, leaves(raw))


def compiled(f):
    torch._dynamo.reset()
    return torch.compile(f, fullgraph=True, backend="aot_eager")


# Equal to the automatic gradient of `loss`.


@on("case", CASES, ids=ids)
def test_terms_and_gradient(case, device):
    """By any cotangents, on every case."""
    raw, targets = tensors(case.raw, device), tensors(case.targets, device)
    mine, automatic = asking(raw), asking(raw)
    got = YOLOLoss(case.config)(mine, targets)
    want = case.module.loss(automatic, targets, case.config)
    assert type(got) is yl.LossTerms
    close(got, want)
    close(pulled(got, mine), pulled(want, automatic))


@VERSIONS
def test_terms_that_are_left_out(version, device):
    """`obj` takes part in nothing, and each other term has a weight."""
    case = PLAIN[version]
    raw, targets = tensors(case.raw, device), tensors(case.targets, device)
    mine, automatic = asking(raw), asking(raw)
    for each in (
        YOLOLoss(case.config)(mine, targets),
        case.module.loss(automatic, targets, case.config),
    ):
        (2 * each.box + 3 * each.cls - each.noobj).sum().backward()
    close([v.grad for v in leaves(mine)], [v.grad for v in leaves(automatic)])


TINY = {
    v: random("tiny", v, config, grid=(2, 1), n=1, t=2, k=2)
    for v, config in {
        **{v: PLAIN[v].config for v in ("v1", "v2", "v3")},
        "v4": replace(PLAIN["v4"].config, similarity="giou"),  # of CIOU α is constant
    }.items()
}


@VERSIONS
def test_gradcheck(version, device):
    """Against differences; IOU_pred^truth of v1 and v2 is constant, so of `obj` t_o alone."""
    case = TINY[version]
    targets, module = tensors(case.targets, device), YOLOLoss(case.config)
    heads = [v.requires_grad_() for v in tensors(case.heads, device)]

    def all_but_obj(*heads):
        each = module(heads if len(heads) > 1 else heads[0], targets)
        return each if version in ("v3", "v4") else (each.box, each.noobj, each.cls)

    def obj(to):
        raw = heads[0].detach().clone()
        raw[..., 4] = to
        return module(raw, targets).obj

    assert torch.autograd.gradcheck(all_but_obj, heads, eps=1e-6, atol=1e-7, rtol=1e-7)
    if version in ("v1", "v2"):
        to = heads[0].detach()[..., 4].clone().requires_grad_()
        assert torch.autograd.gradcheck(obj, to, eps=1e-6, atol=1e-7, rtol=1e-7)


# Views of a convolution's output.


def nchw_of(case, device):
    """Leaves (N, C, H, W), and views of them as the loss takes them."""
    nchw = [tensors(yl.grid.to_nchw(x).copy(), device).requires_grad_() for x in case.heads]
    num = [None if case.version == "v1" else x.shape[3] for x in case.heads]
    views = [yl.grid.from_nchw(x, k) for x, k in zip(nchw, num, strict=True)]
    return nchw, views, views if isinstance(case.raw, tuple) else views[0]


@VERSIONS
def test_gradients_are_written_once(version, device, monkeypatch):
    """What `pull_back` makes is the gradient of the leaves, in their strides: no copy, no sum."""
    case, made = PLAIN[version], []
    nchw, views, raw = nchw_of(case, device)
    _, want = case.module.loss_and_grad(case.raw, case.targets, case.config)
    original = terms.pull_back

    def seen(*args):
        grads = original(*args)
        made.extend((g.data_ptr(), g.stride()) for g in grads)
        return grads

    monkeypatch.setattr(terms, "pull_back", seen)
    YOLOLoss(case.config)(raw, tensors(case.targets, device)).total.sum().backward()
    assert made == [(x.grad.data_ptr(), v.stride()) for x, v in zip(nchw, views, strict=True)]
    assert [x.grad.stride() for x in nchw] == [x.stride() for x in nchw]
    back = [yl.grid.to_nchw(torch.from_numpy(g)) for g in leaves(want)]
    close([x.grad for x in nchw], back)


# Half precision.


def rounded_loss(case, raw):
    """Terms and gradient in float32 of raw outputs in half precision."""
    single = tree_map(lambda v: v.detach().float(), raw)
    return case.module.loss_and_grad(
        single, tensors(case.targets, leaves(raw)[0].device), case.config
    )


@VERSIONS
@on("half", ["float16", "bfloat16"])
def test_half_precision(version, half, device):
    """The float32 loss of the rounded inputs; the gradient in their dtype, rounded once."""
    case, dtype = PLAIN[version], getattr(torch, half)
    raw = asking(tensors(case.raw, device, dtype))
    got = YOLOLoss(case.config)(raw, tensors(case.targets, device))
    assert {v.dtype for v in got} == {torch.float32}
    got.total.sum().backward()
    want, grads = rounded_loss(case, raw)
    close(got, want, 1e-5)
    assert {v.grad.dtype for v in leaves(raw)} == {dtype}
    for v, g in zip(leaves(raw), leaves(grads), strict=True):
        eps = torch.finfo(dtype).eps
        np.testing.assert_allclose(host(v.grad), host(g), rtol=eps, atol=1e-6)


@VERSIONS
@on("half", ["float16", "bfloat16"])
def test_autocast(version, half, device):
    """A convolution under autocast feeds the loss in half precision, inside the region or not."""
    case, dtype = PLAIN[version], getattr(torch, half)
    torch.manual_seed(0)
    channels = [math.prod(x.shape[3:]) for x in case.heads]
    convs = [torch.nn.Conv2d(4, c, 1).to(device) for c in channels]
    module, targets = YOLOLoss(case.config), tensors(case.targets, device)
    with torch.autocast(device, dtype):
        raw = []
        for conv, x in zip(convs, case.heads, strict=True):
            y = conv(torch.randn(x.shape[0], 4, *x.shape[1:3], device=device))
            raw.append(yl.grid.from_nchw(y, None if version == "v1" else x.shape[3]))
        raw = raw if isinstance(case.raw, tuple) else raw[0]
        inside = module(raw, targets)
    outside = module(raw, targets)
    assert {v.dtype for v in leaves(raw)} == {dtype}
    want, grads = rounded_loss(case, raw)
    for each in (inside, outside):
        assert {v.dtype for v in each} == {torch.float32}
        close(each, want, 1e-5)
        of_raw = torch.autograd.grad(each.total.sum(), leaves(raw), retain_graph=True)
        assert {g.dtype for g in of_raw} == {dtype}
        close(of_raw, grads, torch.finfo(dtype).eps)
    inside.total.sum().backward()
    assert all(p.grad.isfinite().all() for conv in convs for p in conv.parameters())


def test_gradients_saturate(device):
    """e^19 makes slopes of 1e14, a cotangent of 1e6 more; float16 ends at 65504."""
    case = PLAIN["v2"]
    raw = tensors(case.raw, device, torch.float16)
    raw[..., 2:4] = 19
    raw.requires_grad_()
    total = YOLOLoss(case.config)(raw, tensors(case.targets, device)).total.sum()
    (1e6 * total).backward()
    assert raw.grad.dtype == torch.float16
    assert raw.grad.isfinite().all()
    assert raw.grad.max() == 65504


# Threads: one lends constants to NumPy.


def test_one_thread_lends_and_two_do_not(device):
    x = torch.zeros(2, device=device)
    assert adapter(x).lends([x]) == (device == "cpu" and torch.get_num_threads() == 1)


@VERSIONS
def test_back_ends_are_what_they_say(version, one_thread, monkeypatch):
    """ "torch" never lends, so that the code of CUDA meets the oracle; "torch-lent" does."""
    case, back, here = PLAIN[version], [], type(adapter(torch.zeros(0)))
    original = here.take_back
    monkeypatch.setattr(here, "take_back", lambda *args: back.append(args) or original(*args))
    for xp, some in ((Torch(), False), (TorchLent(), True)):
        xp.answer(case.module, case.raw, case.targets, case.config)
        assert bool(back) is some


@on("case", [c for c in CASES if c.few or "ignore" in c.name], ids=ids)
def test_threads_give_the_same_numbers(case, threads):
    """Lent to NumPy or not."""
    found = []
    for num in (1, 2):
        threads(num)
        raw, targets = asking(tensors(case.raw)), tensors(case.targets)
        each = YOLOLoss(case.config)(raw, targets)
        closed = case.module.loss_and_grad(raw, targets, case.config)
        found.append(
            (each, pulled(each, raw), *closed, case.module.loss(raw, targets, case.config))
        )
    close(*found, tolerance=1e-14)


class Mine(torch.Tensor):
    """A subclass from elsewhere."""


CANNOT_BE_LENT = {
    "negative view": lambda x: torch._neg_view(-x),
    "subclass": lambda x: x.as_subclass(Mine),
    "parameter": lambda x: torch.nn.Parameter(x, requires_grad=False),
}


@VERSIONS
@on("kind", list(CANNOT_BE_LENT))
def test_tensors_of_all_kinds(version, kind, one_thread):
    """What NumPy cannot look at, or only as what it is not, is left to torch."""
    case = PLAIN[version]
    raw, targets = tensors(case.raw), tensors(case.targets)
    other = tree_map(CANNOT_BE_LENT[kind], raw)
    close(YOLOLoss(case.config)(other, targets), YOLOLoss(case.config)(raw, targets))
    for part in zip(
        *(case.module.loss_and_grad(r, targets, case.config) for r in (other, raw)), strict=True
    ):
        close(*part)


# Transforms and compilers: constants must not be lent while they look on.


@pytest.fixture(params=list(PLAIN))
def problem(request, one_thread):
    """A case, its tensors, and terms and gradient in closed form."""
    case = PLAIN[request.param]
    raw, targets = tensors(case.raw), tensors(case.targets)
    return case, raw, targets, case.module.loss_and_grad(raw, targets, case.config)


def test_compiled(problem):
    case, raw, targets, (want, grads) = problem
    module, asked = compiled(YOLOLoss(case.config)), asking(raw)
    each = module(asked, targets)
    each.total.sum().backward()
    close(each, want)
    close([v.grad for v in leaves(asked)], grads)


def test_inductor(one_thread):
    """The default compiler, forward and backward, once."""
    case = PLAIN["v3"]
    torch._dynamo.reset()
    raw, targets = asking(tensors(case.raw)), tensors(case.targets)
    each = torch.compile(YOLOLoss(case.config), fullgraph=True)(raw, targets)
    each.total.sum().backward()
    want, grads = case.module.loss_and_grad(raw, targets, case.config)
    close(each, want)
    close([v.grad for v in leaves(raw)], grads)


@on("asked", [False, True])
def test_func_grad(problem, asked):
    """Also of tensors that ask for a gradient by themselves, and compiled around."""
    case, raw, targets, (_, grads) = problem
    module = YOLOLoss(case.config)
    grad = torch.func.grad(lambda r: module(r, targets).total.sum())
    close(grad(asking(raw) if asked else raw), grads)
    if not asked:
        close(compiled(grad)(raw), grads)


def test_func_vmap(problem):
    """Two batches at once, and the gradient of each."""
    case, raw, targets, (want, grads) = problem
    module = YOLOLoss(case.config)
    twice = tree_map(lambda v: torch.stack([v, v]), (raw, targets))
    grad = torch.func.grad(lambda r, t: module(r, t).total.sum())
    for k in (0, 1):
        close(tree_map(lambda v, k=k: v[k], torch.func.vmap(module)(*twice)), want)
        close(tree_map(lambda v, k=k: v[k], torch.func.vmap(grad)(*twice)), grads)


def tangents(raw, grads, seed=1):
    """Any direction, and the slope along it of each image's total."""
    rng = np.random.default_rng(seed)
    along = tree_map(lambda v: torch.as_tensor(rng.normal(size=v.shape)), raw)
    pairs = zip(leaves(grads), leaves(along), strict=True)
    return along, sum((g * v).flatten(1).sum(dim=1) for g, v in pairs)


@on("by", ["module", "loss"])
def test_func_jvp(problem, by):
    case, raw, targets, (want, grads) = problem
    along, slope = tangents(raw, grads)
    f = (
        YOLOLoss(case.config)
        if by == "module"
        else lambda r, t: case.module.loss(r, t, case.config)
    )
    total, got = torch.func.jvp(lambda r: f(r, targets).total, (raw,), (along,))
    close((total, got), (want.total, slope))


@on("asked", [False, True])
@on("by", ["module", "loss"])
def test_forward_mode(problem, by, asked):
    """Dual tensors, as a model has them whose parameters carry tangents."""
    case, raw, targets, (want, grads) = problem
    along, slope = tangents(raw, grads)
    f = (
        YOLOLoss(case.config)
        if by == "module"
        else lambda r, t: case.module.loss(r, t, case.config)
    )
    with forward_ad.dual_level():
        pairs = zip(leaves(asking(raw) if asked else raw), leaves(along), strict=True)
        dual = [forward_ad.make_dual(*pair) for pair in pairs]
        total = f(dual if isinstance(raw, tuple) else dual[0], targets).total
        close(forward_ad.unpack_dual(total), (want.total, slope))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@on("asked", [False, True])
def test_trace_is_not_constant(problem, asked):
    """A traced module computes for other raw outputs and truths; torch rounds priors to float32."""
    case, raw, targets, _ = problem
    module = YOLOLoss(case.config)
    f = lambda r, *t: module(r, yl.Targets(*t)).total  # noqa: E731
    traced = torch.jit.trace(f, (asking(raw) if asked else raw, *targets), check_trace=False)
    other, others = tree_map(lambda v: v.flip(0), (raw, targets))
    other = asking(other)
    total = traced(other, *others)
    want, grads = case.module.loss_and_grad(other, others, case.config)
    close(total, want.total, 1e-6)
    close(torch.autograd.grad(total.sum(), leaves(other)), grads, 1e-6)


# Autograd.


@VERSIONS
def test_evaluation_without_a_gradient(version, device):
    case = PLAIN[version]
    raw, targets = tensors(case.raw, device), tensors(case.targets, device)
    module, want = YOLOLoss(case.config), case.module.loss(raw, targets, case.config)
    assert not any(v.requires_grad for v in module(raw, targets))
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            each = module(asking(raw), targets)
        assert not any(v.requires_grad for v in each)
        close(each, want)


@VERSIONS
def test_second_backward(version, device):
    """With retain_graph the same gradient once more, in arrays of its own."""
    case = PLAIN[version]
    raw, targets = asking(tensors(case.raw, device)), tensors(case.targets, device)
    total = YOLOLoss(case.config)(raw, targets).total.sum()
    first = torch.autograd.grad(total, leaves(raw), retain_graph=True)
    kept = [g.clone() for g in first]
    second = torch.autograd.grad(3 * total, leaves(raw))
    close(first, kept, 0)
    close(second, [3 * g for g in kept])


@VERSIONS
def test_double_backward_says_that_it_cannot(version, device):
    """A penalty on the gradient would otherwise be left out without a word."""
    case = PLAIN[version]
    raw, targets = asking(tensors(case.raw, device)), tensors(case.targets, device)
    total = YOLOLoss(case.config)(raw, targets).total.sum()

    def with_penalty():
        grads = torch.autograd.grad(total, leaves(raw), create_graph=True)
        return total + sum((g**2).sum() for g in grads)

    with pytest.raises(RuntimeError, match="differentiate"):
        with_penalty().backward()


@on("version", ["v3", "v4"])
@on("asked", [0, 1])
def test_one_head_asks(version, asked, device):
    """The others get no gradient."""
    case = PLAIN[version]
    raw, targets = tensors(case.raw, device), tensors(case.targets, device)
    raw[asked].requires_grad_()
    YOLOLoss(case.config)(list(raw), targets).total.sum().backward()
    _, want = case.module.loss_and_grad(raw, targets, case.config)
    assert raw[1 - asked].grad is None
    close(raw[asked].grad, want[asked])


@on("t", [0, 4])
@on("n", [0, 2])
@VERSIONS
def test_empty_batches(version, n, t, device):
    case = PLAIN[version]
    raw = asking(tensors(tree_map(lambda v: v[:n], case.raw), device))
    targets = tensors(yl.Targets(*(v[:n, :t] for v in case.targets)), device)
    each = YOLOLoss(case.config)(raw, targets)
    each.total.sum().backward()
    assert each.total.shape == (n,)
    close(
        [v.grad for v in leaves(raw)],
        leaves(case.module.loss_and_grad(raw, targets, case.config)[1]),
    )


# A module.


class Detector(torch.nn.Module):
    """A convolution a head, and the loss."""

    def __init__(self, case):
        super().__init__()
        torch.manual_seed(0)
        self.num = [None if case.version == "v1" else x.shape[3] for x in case.heads]
        self.single = not isinstance(case.raw, tuple)
        self.heads = torch.nn.ModuleList(
            torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(),
                                torch.nn.Conv2d(8, math.prod(x.shape[3:]), 1))
            for x in case.heads
        )  # fmt: skip
        self.loss = YOLOLoss(case.config)

    def forward(self, images, targets):
        pairs = zip(self.heads, images, self.num, strict=True)
        raw = [yl.grid.from_nchw(head(x), num) for head, x, num in pairs]
        return self.loss(raw[0] if self.single else raw, targets)


def inputs(case, device="cpu"):
    torch.manual_seed(1)
    return [torch.randn(x.shape[0], 3, *x.shape[1:3], device=device) for x in case.heads]


@VERSIONS
def test_training_lowers_the_loss(version, device):
    case = PLAIN[version]
    model, targets = Detector(case).to(device), tensors(case.targets, device)
    images, totals = inputs(case, device), []
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(20):
        optimiser.zero_grad()
        total = model(images, targets).total.mean()
        total.backward()
        optimiser.step()
        totals.append(total.item())
    assert totals[-1] < 0.5 * totals[0]


@VERSIONS
def test_nothing_of_the_loss_is_saved(version):
    """Weights go from a model with the loss to another by a file of plain tensors."""
    case, file = PLAIN[version], io.BytesIO()
    assert not YOLOLoss(case.config).state_dict()
    model, other = Detector(case), Detector(case)
    for p in other.parameters():
        torch.nn.init.zeros_(p)
    torch.save(model.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    targets = tensors(case.targets)
    close(other(inputs(case), targets), model(inputs(case), targets), 0)


@VERSIONS
@on("copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))],
    ids=["copy", "deepcopy", "pickle"])  # fmt: skip
def test_copies(version, copied):
    """As for an average of weights, or another process."""
    case = PLAIN[version]
    raw, targets, module = tensors(case.raw), tensors(case.targets), YOLOLoss(case.config)
    again = copied(module)
    assert again.config == module.config
    close(again(raw, targets), module(raw, targets), 0)


@VERSIONS
def test_repr_shows_the_config(version):
    config = PLAIN[version].config
    assert repr(config) in repr(YOLOLoss(config))
    assert repr(config) in repr(Detector(PLAIN[version]))


@on("bad", [None, {}, yl.v3, yl.v3.Config, "v3", 3], ids=str)
def test_a_wrong_config(bad):
    with pytest.raises(
        TypeError, match=r"^YOLOLoss: config must be a v1, v2, v3 or v4.Config, got "
    ):
        YOLOLoss(bad)


@VERSIONS
@on("asked", [False, True])
def test_errors_are_those_of_the_loss(version, asked):
    case = PLAIN[version]
    raw = tensors(tree_map(lambda v: v[..., :3], case.raw))
    for call in (YOLOLoss(case.config), lambda r, t: case.module.loss(r, t, case.config)):
        with pytest.raises(ValueError, match=rf"^{version}.loss: (raw|heads\[0\]) must have shape"):
            call(asking(raw) if asked else raw, tensors(case.targets))
