# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 Formula against darknet
#
# The authors' program came before the paper was read by most. Does it compute what the paper says?
#
# `yolo_losses.dialects` restates programs to the last digits of what they recorded themselves. Here
# darknet's layer for YOLOv3 is held against the formula on the same raw outputs and labels, term by
# term.

# %%
from dataclasses import replace

import numpy as np
from matplotlib import pyplot

import yolo_losses as yl
from yolo_losses import cfg, plot
from yolo_losses.dialects import darknet_boxes, darknet_v3, difference
from yolo_losses.dialects.registry import DIALECTS, departures

# %% [markdown]
# ## One batch, two gradients
#
# darknet has no loss: it writes a buffer δ, which its optimiser takes for −dL/dt. So gradients are
# compared. The config of the formula gives the options of the program.

# %%
rng = np.random.default_rng(5)
config = replace(yl.v3.Config.coco(), ignore_by="prediction", coord_iou_threshold=None)
heads = tuple(rng.normal(size=(2, s, s, 3, 85)) for s in (13, 26, 52))
boxes = rng.uniform((0.1, 0.1, 0.05, 0.05), (0.9, 0.9, 0.5, 0.5), (2, 12, 4))
labels = rng.integers(0, 80, (2, 12))
targets = yl.pad_targets(boxes, labels)

_, formula = yl.v3.loss_and_grad(heads, targets, config)
options = difference.options_of_head("darknet_v3", darknet_v3, config, heads)
truths = np.concatenate([targets.boxes, targets.labels[..., None]], axis=-1)
darknet = difference.slopes("darknet_v3", darknet_v3, options, heads, truths)

groups, counts = difference.groups(formula, darknet, None)
print(f"{'slopes of':12}{'Σ |formula|':>14}{'Σ |darknet|':>14}{'darknet ≈ formula ×':>22}")
for g in groups:
    print(f"{g.name:12}{g.formula:14.2f}{g.dialect:14.2f}{g.ratio:22.3f}")

# %% [markdown]
# Objectness and classes agree. The coordinates do not: width and height have half the slope, and x
# and y another one altogether. The module's docstring says why, in the program's own words made
# short:

# %%
for topic, text in departures(DIALECTS["darknet_v3"]).items():
    if topic in ("coordinates", "ignore", "collisions"):
        print(f"{topic}: {text}\n")

# %% [markdown]
# ## The slope of x
#
# One cell, one anchor, one object whose centre lies at 0.3 of the cell. The formula pulls t_x to
# logit(0.3) with a force that grows without end, that of a square in t. darknet's is 0.3 − σ(t_x),
# that of a cross entropy: it never exceeds one cell, and both vanish at the same place.

# %%
one = yl.v3.Config(((32, 32),), ((0,),), (32,), coord_iou_threshold=None, ignore_by=None)
gt = yl.pad_targets([[(0.3, 0.5, 1.0, 1.0)]], [[0]])
t = np.linspace(-4, 4, 201)
slopes = {"formula, v3": [], "darknet, yolo layer": []}
for tx in t:
    raw = np.zeros((1, 1, 1, 1, 6))
    raw[..., 0] = tx
    _, (grad,) = yl.v3.loss_and_grad((raw,), gt, one)
    slopes["formula, v3"].append(-grad[0, 0, 0, 0, 0])
    program = darknet_v3.Options(one.anchors, (0,), net_w=32, net_h=32)
    out = darknet_v3.deltas(raw, np.array([[(0.3, 0.5, 1.0, 1.0, 0)]]), program)
    slopes["darknet, yolo layer"].append(out.delta[0, 0, 0, 0, 0])

figure, ax = pyplot.subplots(figsize=(8, 4), layout="constrained")
for (name, line), hue, style in zip(slopes.items(), plot.LINE_HUES, ("-", "--"), strict=False):
    ax.plot(t, line, style, color=hue, linewidth=2, label=name)
ax.axhline(0, color="black", linewidth=0.8)
ax.axvline(np.log(0.3 / 0.7), color="black", linewidth=0.8, linestyle=":")
ax.set(xlabel="t_x, logits", ylabel="pull on t_x, −dL/dt_x", ylim=(-4, 4))
ax.annotate("logit(0.3)", (np.log(0.3 / 0.7), 3.4), (6, 0), textcoords="offset points")
legend = ax.legend(loc="lower left", frameon=False)

# %% [markdown]
# ## The gradients of boxes
#
# AlexeyAB's YOLOv4 layer has a gradient routine for IOU, GIOU, DIOU and CIOU that is not the
# gradient of these similarities. The arrows of a box of 40 × 120 around one of 100 × 60: above what
# the similarity says, below what the program takes for it.


# %%
def field(name, rule, ax):
    """Arrows along x and y of a moving box; their length grows with the root of the slope."""
    side = np.linspace(-140, 140, 15)
    x, y = np.meshgrid(side, side)
    size = np.broadcast_to([40.0, 120.0], (*x.shape, 2))
    pred = np.concatenate([x[..., None], y[..., None], size], axis=-1)
    slope = rule(name, pred, np.array([0.0, 0.0, 100.0, 60.0]))[..., :2]
    length = np.hypot(slope[..., 0], slope[..., 1])
    arrow = slope / np.sqrt(np.where(length > 0, length, 1))[..., None]
    ax.quiver(x, y, *np.moveaxis(arrow, -1, 0), angles="xy", pivot="mid", scale=2.2, width=0.004)
    plot.outlines(np.array([[0.0, 0, 100, 60]]), ax, edgecolor=plot.LINE_HUES[0])
    ax.set(aspect="equal", xlim=(-150, 150), ylim=(150, -150), xticks=[], yticks=[])


def exact(name, pred, gt):
    """Slopes along the centre: both edges move with it."""
    corners = (yl.boxes.cxcywh_to_xyxy(v) for v in (pred, gt))
    _, grad = yl.iou.value_and_grad(name, *corners)
    return grad[..., :2] + grad[..., 2:]


rules = {"exact": exact, "AlexeyAB's program": darknet_boxes.slopes}
figure, axes = pyplot.subplots(2, 4, figsize=(11, 6), layout="constrained")
for row, (title, rule) in zip(axes, rules.items(), strict=True):
    for name, ax in zip(("iou", "giou", "diou", "ciou"), row, strict=True):
        field(name, rule, ax)
        ax.set_title(f"{name}, {title}", fontsize=10)

# %% [markdown]
# IOU of boxes that are apart has no slope. The program has one, since it multiplies the sides of
# the intersection without clipping them at 0: where the boxes are apart on both axes that product
# grows with the distance, and the arrows lead away. The same product bends GIOU; in DIOU and CIOU,
# the part of the enclosing box has the wrong sign, which makes far boxes faster. What that does to
# a regression is the question of notebook 10.
#
# ## From a cfg file
#
# darknet's own configuration gives both: the formula's config and the options of the program, with
# what the file says to no effect.

# %%
network = cfg.loads("""
[net]
width=416
height=416
channels=3
[convolutional]
size=3
stride=32
pad=1
filters=255
[yolo]
mask=0,1,2
anchors=10,13, 16,30, 33,23
num=3
classes=80
jitter=.3
truth_thresh=1
ignore_thresh=.7
""")
print(network.config)
print(network.layers[0].options["darknet_v3"])
print()
print(cfg.report(network))

# %% [markdown]
# Neither is wrong: the formula is what was published, the program what was trained. Whoever
# reproduces a result needs to know which of them a number came from. The same comparison on your
# own numbers: `yolo-losses explain-difference v3 darknet_v3 --raw FILE.npz --labels DIR`; all
# programs, term by term: `yolo_losses/dialects/README.md`.
