# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 Three scales and YOLOv3
#
# Nine anchors on three grids: which of some ten thousand predictors answers for an object, which
# are told that nothing is there, and which are left alone?
#
# The photographs are those of the demo: pictures of scikit-image, labels of this package.

# %%
from dataclasses import replace

import numpy as np
from matplotlib import pyplot

import yolo_losses as yl
from yolo_losses import plot
from yolo_losses.demo.photographs import class_names, photographs
from yolo_losses.demo.photographs import targets as truths_of

pictures = photographs()
targets = truths_of(pictures)
config = yl.v3.Config.coco()
K = len(class_names())
rng = np.random.default_rng(3)
heads = tuple(rng.normal(size=(4, s, s, 3, 5 + K)) for s in (13, 26, 52))
print(sum(3 * s * s for s in (13, 26, 52)), "predictors an image")
print({p.name: len(p.objects) for p in pictures})

# %% [markdown]
# ## One anchor an object
#
# The anchor whose shape overlaps an object most, IOU with both boxes on one centre, is responsible,
# in the cell of the centre, in the head that owns it. Coarse heads own large anchors:

# %%
for mask, stride in zip(config.masks, config.strides, strict=True):
    print(f"stride {stride:2}: grid {416 // stride:2}, anchors", [config.anchors[k] for k in mask])

# %%
matches = yl.v3.assign(heads, targets, config)
print(f"{'object':32}{'w × h, px':>10}{'stride':>8}{'cell':>8}{'anchor':>12}   IOU_anchor^truth")
for n, picture in enumerate(pictures):
    for t, name in enumerate(picture.objects[:4]):
        for found, mask, stride in zip(matches, config.masks, config.strides, strict=True):
            if found.mask[n, t, 0]:
                size = "{:.0f} × {:.0f}".format(*picture.boxes[t, 2:] * 416)
                cell = f"{found.row[n, t]}, {found.col[n, t]}"
                anchor = "{} × {}".format(*config.anchors[mask[found.anchor[n, t, 0]]])
                iou = found.iou[n, t, 0]
                words = f"{picture.name}: {name}"
                print(f"{words:32}{size:>10}{stride:8}{cell:>8}{anchor:>12}{iou:8.3f}")

# %% [markdown]
# ## On the photographs
#
# Each hue is a head. Filled: responsible cells. Dashed: the priors that they are responsible with.
# A dot: a cell with priors that are ignored, since they overlap an object by more than one half
# without being its best. They lie in swarms around the objects, where a prediction may well be
# right; a fat cross would be an object that lost its predictor to another.

# %%
figure, axes = pyplot.subplots(1, 2, figsize=(12, 6.4), facecolor=plot.PAPER)
for ax, n in zip(axes, (1, 3), strict=True):
    plot.photograph(pictures[n].pixels, ax)
    plot.assignment(matches, config, n, ax, targets=targets, num_classes=K)
    ax.set_title(pictures[n].name, color=plot.INK)
figure.subplots_adjust(left=0.01, right=0.99, top=0.94, bottom=0.2, wspace=0.02)
legend = plot.legend(figure, config, plot.COMPLETE, loc="lower center", fontsize=9)

# %% [markdown]
# ## Who is left alone?
#
# The paper speaks of priors that overlap an object. Three readings are options: the anchor box on
# its cell against every object ("prior"), shapes in the object's own cell ("shape"), the decoded
# box of every cell ("prediction": what programs do, and what changes while the network learns).

# %%
print(f"{'ignore_by':14}{'ignored':>9}{'noobj, all images':>20}")
for rule in ("prior", "shape", "prediction", None):
    other = replace(config, ignore_by=rule)
    found = yl.v3.assign(heads, targets, other)
    terms = yl.v3.loss(heads, targets, other)
    print(f"{rule!s:14}{sum(m.ignored.sum() for m in found):9}{terms.noobj.sum():20.2f}")

# %% [markdown]
# ## The gate
#
# The formula as printed counts coordinates only where IOU_anchor^truth is above ½. An object that
# no anchor fits has an objectness and a class, but nothing moves its box:

# %%
best = np.max([found.iou[..., 0] for found in matches], axis=0)
for n, picture in enumerate(pictures):
    for t, name in enumerate(picture.objects):
        if best[n, t] <= config.coord_iou_threshold:
            w, h = picture.boxes[t, 2:] * 416
            print(f"{picture.name}: {name}, {w:.0f} × {h:.0f} px, best anchor {best[n, t]:.3f}")
with_gate = yl.v3.loss(heads, targets, config).box.sum()
without = yl.v3.loss(heads, targets, replace(config, coord_iou_threshold=None)).box.sum()
print(f"box term {with_gate:.2f}, without the gate {without:.2f}")

# %% [markdown]
# ## The truth in logits
#
# v3 compares t with t̂: the truth is put through the inverse of the decode. On the border of a cell
# the logit is infinite, so the offset is clipped to [ε, 1 − ε], ε = 0.001: the largest |t_x| that
# is ever asked for is 6.9.

# %%
for offset in (0.5, 0.1, 0.01, 0.0001, 0.0):
    box = np.array([[offset / 13, 0.5 / 13, 116 / 416, 90 / 416]])
    where = (np.zeros(1, int),) * 3
    t = yl.v3.encode(box, *where, config, head=0, grid_shape=(13, 13))
    print(f"offset {offset:6}: t_x = {t[0, 0]:7.4f}, t_w = {t[0, 2]:.4f}")

# %% [markdown]
# ## The terms
#
# By image and head. Random raw outputs claim an object in half of all cells, so the finest head,
# which has most of them, has most to unlearn.

# %%
figure, ax = pyplot.subplots(figsize=(10, 4), layout="constrained")
terms = yl.v3.loss(heads, targets, config)
ax = plot.terms(terms, ax, images=[p.name for p in pictures], heads=["32", "16", "8"])
