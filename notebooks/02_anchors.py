# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 Anchors and YOLOv2
#
# Why does a network that has to find boxes do better when it is told which boxes to expect, and
# where do these come from?

# %%
import numpy as np
from matplotlib import pyplot

import yolo_losses as yl
from yolo_losses import plot
from yolo_losses.demo.photographs import class_names, photographs
from yolo_losses.demo.photographs import targets as truths_of
from yolo_losses.experiments import clusters, clusters_figure

pictures = photographs()
targets = truths_of(pictures)

# %% [markdown]
# ## Dimension clusters
#
# YOLOv2 asks the labels. Its anchors are the centres of k-means over the sizes of all labelled
# boxes. Euclid's distance would spend them all on large boxes, so it takes
#
# $$d(\text{box}, \text{anchor}) = 1 - \mathrm{IOU}(\text{box}, \text{anchor})$$
#
# with both boxes on one centre. Here are the 34 boxes of the four photographs, stretched to 416 ×
# 416:

# %%
sizes = np.concatenate([p.boxes for p in pictures])[:, 2:] * 416
found = clusters.fit(sizes, 5)
for (w, h), count in zip(found.anchors, found.counts, strict=True):
    print(f"{w:6.1f} × {h:5.1f} px, the best of {count:2} boxes")
print(f"mean IOU of a box with its best anchor: {found.mean_iou:.3f}")

# %% [markdown]
# More anchors fit better, and cost more predictors in every cell; the paper settled on five.
# Whether an anchor becomes the mean of its boxes or their median is left open; the median is less
# drawn by the largest.

# %%
ks = range(1, 10)
curves = clusters.against_k(sizes, ks)
figure, axes = pyplot.subplots(1, 2, figsize=(11, 5), layout="constrained")
clusters_figure.among_sizes(sizes, found, axes[0])
ax = clusters_figure.against_k(ks, curves, axes[1])

# %% [markdown]
# Anchors belong to a set of labels. Those published for VOC and COCO fit these photographs less
# well:

# %%
published = {"VOC": yl.v2.Config.voc(), "COCO": yl.v2.Config.coco()}
for name, config in published.items():
    fits = clusters.evaluate(sizes, np.array(config.anchors)).mean_iou
    print(f"anchors of {name:4}: mean IOU {fits:.3f}")

# %% [markdown]
# On labels of your own: `yolo-losses anchors LABELS --k 5 --size 416`.
#
# ## From anchor to box
#
# $$\hat x = \sigma(t_x) + c_x \qquad \hat y = \sigma(t_y) + c_y \qquad
# \hat w = p_w e^{t_w} \qquad \hat h = p_h e^{t_h}$$
#
# The centre stays in its cell, whatever the network says; the size starts at the anchor, t = 0, and
# is multiplied. With v1 the same numbers had to reach from 0 to the whole picture.

# %%
figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
plot.offset_curves(axes[0], scales=(1.0,))
widths = tuple(float(w) for w in found.anchors[:, 0].round())
ax = plot.size_curves(axes[1], priors=widths)

# %% [markdown]
# ## Who is responsible?
#
# In the cell of an object's centre, the anchor with the highest IOU_anchor^truth by shape. It is
# known before anything is predicted, other than in v1, where the current boxes compete.

# %%
config = yl.v2.Config(anchors=tuple(map(tuple, found.anchors.round().tolist())))
K = len(class_names())
rng = np.random.default_rng(2)
raw = rng.normal(size=(4, 13, 13, 5, 5 + K))
matches = yl.v2.assign(raw, targets, config)
figure, axes = pyplot.subplots(1, 2, figsize=(12, 5.6), facecolor=plot.PAPER)
for ax, n in zip(axes, (0, 1), strict=True):
    plot.photograph(pictures[n].pixels, ax)
    plot.grid((13, 13), ax)
    plot.assignment([matches], config, n, ax, targets=targets, num_classes=K)
    plot.names(pictures[n].boxes, pictures[n].objects, ax)
figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.12, wspace=0.02)
legend = plot.legend(figure, config, plot.COMPLETE, loc="lower center", fontsize=9)

# %% [markdown]
# ## Two objects, one predictor
#
# When two objects of like shape share a cell, the last in the list keeps the predictor. The other
# one costs nothing and teaches nothing; the count says how often that happens.

# %%
twins = yl.pad_targets([[(0.51, 0.51, 0.2, 0.3), (0.53, 0.52, 0.2, 0.3)]], [[0, 1]])
lost = yl.v2.assign(raw[:1], twins, config)
print("held:", lost.mask[0, :, 0], " collisions:", lost.collisions, " positives:", lost.positives)
print("collisions in the photographs:", matches.collisions.sum())

# %% [markdown]
# ## The loss
#
# $$\lambda_{coord} \sum 1^{obj} (2 - wh) \left[(x - \hat x)^2 + (y - \hat y)^2 + (w - \hat w)^2
# + (h - \hat h)^2\right] + \lambda_{obj} \sum 1^{obj} (\mathrm{IOU} - \hat C)^2$$
#
# $$+ \lambda_{noobj} \sum 1^{noobj} \hat C^2 + \lambda_{class} \sum 1^{obj} \sum_c (p - \hat p)^2$$
#
# (2 − w h) counts an error of a small object up to twice. The objectness of a responsible predictor
# is asked to be the IOU of its own box with the object, a constant for the gradient: else a network
# could lower its loss by making its boxes worse.

# %%
terms, grad = yl.v2.loss_and_grad(raw, targets, config)
figure, ax = pyplot.subplots(figsize=(8, 4), layout="constrained")
ax = plot.terms(terms, ax, images=[p.name for p in pictures])

# %% [markdown]
# A few steps down the gradient, with nothing between it and the raw outputs, show what the loss
# asks for: λ_obj = 5 pulls on the few responsible objectnesses, 1 on all others.

# %%
x = raw.copy()
for step in range(301):
    terms, grad = yl.v2.loss_and_grad(x, targets, config)
    if step % 100 == 0:
        said = yl.v2.decode(x, config)
        at = matches.responsible
        print(f"step {step:3}: total {terms.total.sum():8.2f}, Ĉ of responsible predictors "
              f"{said.obj[at].mean():.3f}, of others {said.obj[~at].mean():.3f}")  # fmt: skip
    x -= 0.5 * grad
