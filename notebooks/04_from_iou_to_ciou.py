# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 From IOU to CIOU and YOLOv4
#
# Why does YOLOv4 compare boxes by CIOU, and what else did it change in the loss?

# %%
from dataclasses import replace

import numpy as np
from matplotlib import pyplot

import yolo_losses as yl
from yolo_losses import plot

# %% [markdown]
# ## Four similarities
#
# I intersection, U union, C area of the smallest enclosing box, c its diagonal, ρ the distance of
# the centres:
#
# $$\mathrm{IOU} = \frac{I}{U} \qquad \mathrm{GIOU} = \mathrm{IOU} - \frac{C - U}{C} \qquad
# \mathrm{DIOU} = \mathrm{IOU} - \frac{\rho^2}{c^2} \qquad \mathrm{CIOU} = \mathrm{DIOU} - \alpha
# v$$
#
# $$v = \frac{4}{\pi^2}\left(\arctan\frac{w}{h} - \arctan\frac{\hat w}{\hat h}\right)^2 \qquad
# \alpha = \frac{v}{(1 - \mathrm{IOU}) + v}$$
#
# Numbers to follow by hand: the truth is 4 × 4 at the origin, the prediction 4 × 2, two to the
# right and one down. I = 2 · 2 = 4, U = 16 + 8 − 4 = 20, so IOU = 1/5; the enclosing box is 6 × 4.

# %%
gt, pred = np.array([0.0, 0.0, 4.0, 4.0]), np.array([2.0, 2.0, 6.0, 4.0])
for name in ("iou", "giou", "diou", "ciou"):
    value, grad = yl.iou.value_and_grad(name, pred, gt)
    print(f"{name:5}{value:9.5f}   slopes along x1 y1 x2 y2:", grad.round(4))
v = 4 / np.pi**2 * (np.arctan(1) - np.arctan(2)) ** 2
print(f"IOU 4/20 = {4 / 20}; (C − U)/C = 4/24 = {4 / 24:.5f}; ρ²/c² = 5/52 = {5 / 52:.5f}; "
      f"v = {v:.5f}, α = {v / (1 - 0.2 + v):.5f}")  # fmt: skip

# %% [markdown]
# ## A box that moves
#
# A box of 40 × 120 moves over the plane, past a fixed one of 100 × 60. Colour: the similarity.
# Arrows: where it rises, and how steeply.

# %%
figure = plot.similarity_fields(onto=pyplot.figure(figsize=(10, 9), layout="constrained"))

# %% [markdown]
# * **IOU** is 0 where the boxes are apart, and so is its slope: from there no step leads anywhere.
#   And where the narrow box crosses the wide one, moving sideways changes nothing.
# * **GIOU** draws boxes together from afar, but where they cross it is as flat as IOU.
# * **DIOU** leads to the centre from everywhere.
# * **CIOU** adds what the shapes differ by. The centre moves as with DIOU; width and height do not.
#
# The same on a line through the centre: values, and slopes.

# %%
figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
plot.similarity_curves(ax=axes[0])
ax = plot.slope_curves(ax=axes[1])

# %% [markdown]
# ## A box that learns
#
# Gradient ascent on the similarity, from one start, with a step that shrinks as the overlap grows,
# the rule of the DIOU paper: B ← B + η (2 − IOU) ∇. The truth is 1 × 1. IOU cannot start where the
# boxes are apart. GIOU widens the box until it meets the truth, and then draws it in. No slope
# vanishes on the way to the truth, where the similarity has an edge and no smooth top, so that
# steps overshoot until η falls.


# %%
def ascend(name, box, gt, steps=200, eta=0.1):
    """Boxes (steps + 1, 4) in centre form."""
    path = [box]
    for k in range(steps):
        rate = eta if k < 160 else eta / 10 if k < 180 else eta / 100
        corners = (yl.boxes.cxcywh_to_xyxy(v) for v in (path[-1], gt))
        pair = tuple(corners)
        _, g = yl.iou.value_and_grad(name, *pair)
        slope = np.array([g[0] + g[2], g[1] + g[3], (g[2] - g[0]) / 2, (g[3] - g[1]) / 2])
        path.append(path[-1] + rate * (2 - yl.iou.iou(*pair)) * slope)
    return np.stack(path)


gt, start = np.array([10.0, 10.0, 1.0, 1.0]), np.array([8.2, 9.2, 0.6, 1.7])
paths = {name: ascend(name, start, gt) for name in ("iou", "giou", "diou", "ciou")}
figure, axes = pyplot.subplots(2, 2, figsize=(10, 7.5), layout="constrained")
for ax, (name, path) in zip(axes.flat, paths.items(), strict=True):
    plot.trace(path, gt, ax)
    ax.set_title(f"{name}: {np.abs(path[-1] - gt).sum():.3f} left")

# %%
figure, ax = pyplot.subplots(figsize=(8, 4), layout="constrained")
errors = {name: np.abs(path - gt).sum(axis=1) for name, path in paths.items()}
ax = plot.curves(errors, ax, ylabel="Σ |error| of x y w h, sides of the truth")

# %% [markdown]
# One start decides nothing: notebook 10 takes 1,715,000 of them, as the DIOU paper does.
#
# ## What else YOLOv4 changed
#
# **The decode.** A centre on the border of a cell asks v3 for an infinite t. A scale s > 1 lets σ
# reach beyond the borders.

# %%
figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
plot.offset_curves(axes[0])
ax = plot.size_curves(axes[1])

# %% [markdown]
# **The assignment.** Not only the best anchor is responsible, but every one whose shape overlaps
# the object by more than 0.213. Objects get several predictors, in several heads.

# %%
rng = np.random.default_rng(4)
config = yl.v4.Config.coco()
heads = tuple(rng.normal(size=(1, s, s, 3, 9)) for s in (13, 26, 52))
targets = yl.pad_targets([[(0.30, 0.40, 0.20, 0.30), (0.70, 0.60, 0.50, 0.60)]], [[1, 2]])
for assign, threshold in (("union", 1.0), ("union", 0.213), ("intersection", 0.213)):
    other = replace(config, assign=assign, assign_iou_threshold=threshold)
    found = yl.v4.assign(heads, targets, other)
    per_truth = sum(m.mask.sum(axis=-1) for m in found)[0]
    print(
        f"{assign:13}{threshold:6}: {per_truth[0]} and {per_truth[1]} predictors of the two objects"
    )

# %% [markdown]
# **The ignore rule** is by prediction, with the threshold 0.7. **The weights**: λ_coord is 0.07, so
# that a CIOU, which is at most 2, weighs little beside the cross entropies.

# %%
terms = yl.v4.loss(heads, targets, config)
for name, value in terms._asdict().items():
    print(f"{name:6}", value[0].round(3))
