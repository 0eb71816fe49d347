# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 YOLOv1 by hand
#
# Can the loss of YOLOv1 be followed with a pocket calculator?
#
# One picture, a grid of 3 × 3 cells, one object, two predictors a cell, two classes. Every number
# below is printed with the expression that it comes from, so that each line can be checked by
# itself.

# %%
import numpy as np
from IPython.display import Markdown
from matplotlib import pyplot

import yolo_losses as yl
from yolo_losses import plot
from yolo_losses.demo.photographs import class_names, photographs
from yolo_losses.demo.photographs import targets as truths_of
from yolo_losses.experiments import initialisation, initialisation_figure

# %% [markdown]
# ## The numbers of the network
#
# A cell holds B = 2 boxes of $t_x\ t_y\ t_w\ t_h\ t_o$ and then K = 2 class logits: (N, S, S, B·5 +
# K). All of them are 0 but those of the middle cell, in which the centre of the object lies.

# %%
config = yl.v1.Config(num_boxes=2)
raw = np.zeros((1, 3, 3, 2 * 5 + 2))
raw[0, 1, 1] = [0.0, 0.5, -0.5, -1.0, 0.0, -1.0, 1.0, 0.5, 0.5, 1.0, 0.0, 1.0]
targets = yl.pad_targets([[(0.5, 0.5, 0.4, 0.3)]], [[1]])
print(raw.shape)

# %%
matches = yl.v1.assign(raw, targets, config)
figure, ax = pyplot.subplots(figsize=(5, 5), layout="constrained")
plot.photograph(np.full((300, 300), 70, dtype=np.uint8), ax, brightness=1)
plot.grid((3, 3), ax)
plot.cells([matches], 0, ax)
plot.truths(targets.boxes[0], ax)
boxes = yl.v1.decode(raw, config).boxes[0, 1, 1]
names = [f"predictor {j}" for j in (0, 1)]
plot.outlines(boxes, ax, edgecolor=plot.HUES[1])
ax = plot.names(boxes, names, ax)

# %% [markdown]
# ## The whole way
#
# `yl.explain` walks one object through a version in numbers: its cell, its responsible predictor,
# the terms. The command `yolo-losses explain` prints the same on raw outputs and labels of your
# own.

# %%
explanation = yl.explain(raw, targets, config, class_names=("cat", "dog"))
Markdown(explanation.markdown())

# %% [markdown]
# The package agrees, of course: the numbers came from it. That the expressions agree with them is
# what its tests evaluate, line by line.

# %%
terms, grad = yl.v1.loss_and_grad(raw, targets, config)
for name, value in terms._asdict().items():
    print(f"{name:6}{value[0, 0]:9.5f}")
print(f"total {terms.total[0]:9.5f}")

# %% [markdown]
# ## Why square roots?
#
# An error of two hundredths of the picture matters more in a small box than in a large one. v1
# compares √w and √h, which lets the same error cost less the larger the box is:

# %%
figure, ax = pyplot.subplots(figsize=(8, 3.8), layout="constrained")
widths = np.linspace(0.03, 0.95, 93)
cost = []
for w in widths:
    x = np.zeros((1, 1, 1, 1 * 5 + 1))
    at = np.zeros(1, dtype=int)
    box = np.array([[0.5, 0.5, w + 0.02, 0.5]])
    x[0, 0, 0, :4] = yl.v1.encode(box, at, at, yl.v1.Config(1), grid_shape=(1, 1))[0]
    truth = yl.pad_targets([[(0.5, 0.5, w, 0.5)]], [[0]])
    cost.append(yl.v1.loss(x, truth, yl.v1.Config(1)).box[0, 0])
ax.plot(widths, cost, color=plot.LINE_HUES[0], linewidth=2, label="YOLOv1: λ (√w − √ŵ)²")
ax.axhline(5 * 0.02**2, color=plot.LINE_HUES[1], linestyle="--", label="without roots: λ (w − ŵ)²")
ax.set(xlabel="w of the truth; ŵ = w + 0.02", ylabel="cost", yscale="log")
legend = ax.legend(frameon=False)

# %% [markdown]
# ## Why the weights?
#
# Most cells of a picture are empty. The paper says that pushing their confidence to 0 overpowers
# the gradient of the cells that hold objects, and so sets λ_coord = 5 and λ_noobj = 0.5. Measured,
# on a network that knows nothing yet, raw outputs near 0, and the four photographs of the demo:

# %%
pictures = photographs()
K = len(class_names())
pulls = initialisation.pulls(truths_of(pictures), K)
coins = pictures[-1]
by_count = initialisation.against_objects(coins.boxes, coins.labels, K)
print("gradient of the empty cells over that of all else")
print(f"{'objects':>8}{'λ = 1':>8}{'published':>12}")
for m, column in by_count.items():
    plain, published = (pull.noobj_over_others for pull in column[:2])
    print(f"{m:8}{plain:8.2f}{published:12.2f}")

# %%
figure, axes = pyplot.subplots(1, 2, figsize=(14, 4.8), layout="constrained")
initialisation_figure.norms(pulls, axes[0])
ax = initialisation_figure.against_objects(by_count, axes[1])

# %% [markdown]
# It is so: with λ = 1 one object alone is outweighed six times, and with the published weights it
# is not. The later versions took other roads. v2 to v4 leave the empty cells on top at the
# beginning, v4 most of all, and live with it: the slope of σ² and of the cross entropy falls as
# soon as Ĉ does, and after a few steps the empty cells are silent.
#
# One thing more shows in the numbers: in v1 even the responsible predictor is told to lower its
# confidence at first. Its target is the IOU of its own box, which is far below the ½ that σ(0)
# claims.

# %%
v1 = pulls[1]
print("sum of the slopes along all t_o:", {k: round(v, 2) for k, v in v1.bias.items()})
