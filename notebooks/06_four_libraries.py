# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 The same numbers on four libraries
#
# Does one implementation really give the same loss and the same gradient on NumPy, PyTorch, JAX and
# CuPy?
#
# The formulas are written once, with the functions of the Python array API standard. A library is
# chosen by handing in its arrays. This page computes one batch on every installed library, in two
# precisions, and counts how far the results lie apart, in units of the last place.

# %%
from importlib.util import find_spec

import numpy as np

import yolo_losses as yl

# %% [markdown]
# ## One batch
#
# Two images at 416 × 416, three heads, 20 classes, and a handful of objects.

# %%
rng = np.random.default_rng(0)
config = yl.v4.Config.coco()
heads = tuple(rng.normal(size=(2, s, s, 3, 25)) for s in (13, 26, 52))
targets = yl.pad_targets(
    [[(0.50, 0.50, 0.20, 0.30), (0.70, 0.20, 0.10, 0.10)], [(0.31, 0.64, 0.45, 0.52)]],
    [[3, 0], [11]],
)
terms, grads = yl.v4.loss_and_grad(heads, targets, config)
print("total of each image", terms.total)
print("gradient of the coarsest head", grads[0].shape, grads[0].dtype)

# %% [markdown]
# ## The libraries
#
# A library needs three things: a way in, a way out, and, for JAX, to be compiled: without `jit` it
# compiles each of some hundred operations by itself. CuPy takes part where there is a GPU.

# %%
import jax
import torch

jax.config.update("jax_enable_x64", True)  # else float64 becomes float32


def as_it_is(f):
    return f


libraries = {
    "NumPy": (np.asarray, np.asarray, as_it_is),
    "PyTorch": (torch.asarray, np.asarray, as_it_is),
    "JAX": (jax.numpy.asarray, np.asarray, jax.jit),
}
if find_spec("cupy"):
    import cupy

    if cupy.cuda.is_available():
        libraries["CuPy"] = (cupy.asarray, cupy.asnumpy, as_it_is)


# %% [markdown]
# ## The same call
#
# `loss_and_grad` knows no library by name. What it returns has the type of what came in.


# %%
def on(library, dtype):
    """Terms (4, N, S) and the gradients of all heads, on the host."""
    there, back, compiled = libraries[library]
    raw = tuple(there(h.astype(dtype)) for h in heads)
    gt = yl.Targets(*(there(v) for v in targets))
    f = compiled(lambda raw, gt: yl.v4.loss_and_grad(raw, gt, config))
    terms, grads = f(raw, gt)
    return np.stack([back(v) for v in terms]), [back(g) for g in grads]


results = {(name, dtype): on(name, dtype) for name in libraries for dtype in ("float32", "float64")}
for name in libraries:
    terms, _ = results[name, "float64"]
    print(f"{name:8} total {terms.sum(axis=(0, 2))}")

# %% [markdown]
# ## How far apart?
#
# NumPy in float64 is the reference. A difference is counted in units of the last place (ulp) of the
# largest number of its kind in the dtype at hand: 1 means that the last binary digit differs. The
# float32 rows are held against float64 too, so they contain what rounding costs in all.


# %% tags=["varies"]
def ulp(got, want, dtype):
    """The largest difference in units of the last place of the largest number."""
    return float(np.abs(got - want).max() / np.spacing(np.abs(want).max().astype(dtype)))


want_terms, want_grads = results["NumPy", "float64"]
print(f"{'':20}{'terms':>8}{'gradient':>10}   ulp")
for (name, dtype), (terms, grads) in results.items():
    of_terms = ulp(terms, want_terms, dtype)
    of_grads = max(ulp(g, w, dtype) for g, w in zip(grads, want_grads, strict=True))
    print(f"{name:10}{dtype:10}{of_terms:8.2f}{of_grads:10.2f}")
    assert max(of_terms, of_grads) < 16

# %% [markdown]
# ## The gradient, twice
#
# `loss_and_grad` has the slopes in closed form. PyTorch and JAX can also differentiate `loss` by
# themselves, through every operation. Both ways have to give the same gradient.

# %%
raw = tuple(torch.tensor(h, requires_grad=True) for h in heads)
gt = yl.Targets(*map(torch.tensor, targets))
yl.v4.loss(raw, gt, config).total.sum().backward()
automatic = {"PyTorch": [x.grad.numpy() for x in raw]}

raw = tuple(map(jax.numpy.asarray, heads))
gt = yl.Targets(*map(jax.numpy.asarray, targets))
automatic["JAX"] = jax.jit(jax.grad(lambda r: yl.v4.loss(r, gt, config).total.sum()))(raw)

for name, found in automatic.items():
    pairs = zip(found, want_grads, strict=True)
    same = all(np.allclose(a, g, rtol=1e-12, atol=1e-14) for a, g in pairs)
    print(f"{name}: automatic differentiation and closed form agree to 12 digits: {same}")
    assert same

# %% [markdown]
# ## Transformed
#
# Because no shape and no branch hangs on a value, the functions may be transformed as well: here
# the batch is taken apart by `vmap`, image by image, in both libraries.


# %%
def total(raw, gt):
    """The loss of one image."""
    one = tuple(x[None] for x in raw), yl.Targets(*(v[None] for v in gt))
    return yl.v4.loss(*one, config).total[0]


in_torch = tuple(map(torch.tensor, heads)), yl.Targets(*map(torch.tensor, targets))
in_jax = tuple(map(jax.numpy.asarray, heads)), yl.Targets(*map(jax.numpy.asarray, targets))
for name, found in (
    ("torch.func.vmap", torch.func.vmap(total)(*in_torch)),
    ("jax.vmap", jax.jit(jax.vmap(total))(*in_jax)),
):
    print(f"{name:16} {np.asarray(found)}")
    np.testing.assert_allclose(found, yl.v4.loss(heads, targets, config).total, rtol=1e-12)

# %% [markdown]
# The libraries round their sums and their exponentials in their own ways, so the last digits
# differ; nothing else does. `python -m conformance.run` makes the same comparison with 578 test
# vectors whose expected values are exact to the last digit, and `yolo-losses bench` says what each
# library takes.
