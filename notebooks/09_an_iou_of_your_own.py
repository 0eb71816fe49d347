# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 An IOU of your own
#
# What does it take to add a similarity of boxes, and to train YOLOv4 with it?
#
# One function. Its gradient, its place in the options of `v4.Config`, its NumPy, PyTorch and JAX
# versions follow from it.

# %%
import numpy as np
from matplotlib import pyplot

import yolo_losses as yl
from yolo_losses import plot
from yolo_losses.elementwise import maximum, minimum, parts, ratio
from yolo_losses.iou import SIMILARITY, similarity

# %% [markdown]
# ## The formula
#
# EIOU (Zhang et al. 2021) takes off DIOU what the widths and heights differ by, over the width and
# height of the enclosing box:
#
# $$\mathrm{EIOU} = \mathrm{IOU} - \frac{\rho^2}{c^2}
# - \frac{(w - \hat w)^2}{C_w^2} - \frac{(h - \hat h)^2}{C_h^2}$$
#
# A box arrives as `Corners`: `near` holds x1 and y1, `far` x2 and y2, both on the first axis, so
# that one line does both axes. The functions of `yolo_losses.elementwise` know their slopes; what
# is made of them has an exact gradient. `ratio` is 0 where the denominator is 0, so that nothing
# has to be padded with an ε.


# %%
@similarity
def eiou(pred, gt):
    """IOU − ρ²/c² − (w − ŵ)²/C_w² − (h − ĥ)²/C_h²."""
    outer2 = (maximum(pred.far, gt.far) - minimum(pred.near, gt.near)) ** 2
    size2 = ((gt.far - gt.near) - (pred.far - pred.near)) ** 2
    (cw2, ch2), (dw2, dh2) = parts(outer2), parts(size2)
    return SIMILARITY["diou"](pred, gt) - ratio(dw2, cw2) - ratio(dh2, ch2)


# %% [markdown]
# ## Is it right?
#
# By hand: a box of 2 × 2 and one of 4 × 2 on one centre. I = 4, U = 8, IOU = ½; the centres meet;
# the enclosing box is the second one: (4 − 2)² / 4² = ¼. So EIOU = ½ − 0 − ¼ − 0 = ¼.

# %%
small, wide = np.array([1.0, 0.0, 3.0, 2.0]), np.array([0.0, 0.0, 4.0, 2.0])
print(eiou(small, wide))
assert eiou(small, wide) == 0.25

# %% [markdown]
# The gradient, held against differences of the value. Central differences of step h are wrong by
# something like h², so 1e-6 leaves ten digits.

# %%
rng = np.random.default_rng(0)
pred, gt = (np.sort(rng.uniform(0, 10, (50, 2, 2)), axis=1).reshape(50, 4) for _ in range(2))
value, grad = yl.iou.value_and_grad("eiou", pred, gt)

h = 1e-6
steps = h * np.eye(4)
differences = [(eiou(pred + step, gt) - eiou(pred - step, gt)) / (2 * h) for step in steps]
apart = np.abs(grad - np.stack(differences, axis=-1)).max()
print("slopes and differences agree to 8 digits:", apart < 1e-8)
assert apart < 1e-8

# %% [markdown]
# Programs have this similarity too. WongKinYiu's adds an ε to each denominator; without it, it is
# ours.

# %%
from yolo_losses.dialects import overlaps

as_cxcywh = (yl.boxes.xyxy_to_cxcywh(x) for x in (pred, gt))
np.testing.assert_allclose(value, overlaps.similarity("plain", "eiou", *as_cxcywh), atol=1e-13)

# %% [markdown]
# The same function on PyTorch, which may differentiate it by itself, and on JAX.

# %%
import jax
import torch

there = torch.tensor(pred, requires_grad=True)
eiou(there, torch.tensor(gt)).sum().backward()
print("PyTorch's own gradient:", np.allclose(there.grad, grad, atol=1e-12))

f = jax.jit(jax.grad(lambda pred: eiou(pred, jax.numpy.asarray(gt, "float32")).sum()))
print("JAX's own gradient, float32:", np.allclose(f(pred.astype("float32")), grad, atol=1e-4))

# %% [markdown]
# ## How does it pull?
#
# Each panel moves a box of 40 × 120 over the plane, past a fixed one of 100 × 60. The colour is the
# similarity, an arrow the direction in which it rises. Both boxes keep their sizes, so that what
# EIOU takes off besides changes with the enclosing box alone.

# %%
figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
for ax, name in zip(axes, ("diou", "eiou"), strict=True):
    plot.similarity_field(name, ax=ax)

# %% [markdown]
# DIOU leads to the truth from everywhere. EIOU does not: the larger the enclosing box, the less a
# difference of sizes costs, and that pull outwards makes maxima of its own along the diagonals,
# where the arrows vanish. A picture of a new similarity is worth a look before it is trained with.
#
# ## YOLOv4 with it
#
# A registered name is an option of the config like the four of the package.

# %%
from dataclasses import replace

heads = tuple(rng.normal(size=(1, s, s, 3, 9)) for s in (4, 8, 16))
targets = yl.pad_targets([[(0.4, 0.6, 0.3, 0.2)]], [[2]])
for name in ("iou", "giou", "diou", "ciou", "eiou"):
    config = replace(yl.v4.Config.coco(), similarity=name)
    terms, grads = yl.v4.loss_and_grad(heads, targets, config)
    steepest = max(np.abs(g[..., :4]).max() for g in grads)
    print(f"{name:5} box term {terms.box.sum():.6f}, steepest slope {steepest:.6f}")

# %% [markdown]
# What is left to do before others use it: decide its degenerate cases in the docstring (a box
# without a width, two boxes at one point), and write them down as tests.
