# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 Notation
#
# Which letter of the papers is which number in the arrays?
#
# One predictor of YOLOv2 is followed from the raw numbers of the network to a box on the picture
# and back. On the way every letter gets its name in the code, its axes and its unit.

# %%
from pathlib import Path

import numpy as np
from IPython.display import Markdown
from matplotlib import pyplot

import yolo_losses as yl
from yolo_losses import plot

# %% [markdown]
# ## The raw output
#
# A network of stride 32 sees a picture of 192 × 128 pixels as a grid of H × W = 4 × 6 cells. In
# every cell it has A = 2 anchors, and for every anchor 5 + K numbers, here with K = 3 classes:
#
# $$t_x,\ t_y,\ t_w,\ t_h,\ t_o,\ c_0,\ c_1,\ c_2$$
#
# The array has the axes (N, H, W, A, 5 + K): N images, rows before columns, fields last.

# %%
config = yl.v2.Config(anchors=((40, 60), (90, 40)), stride=32)
raw = np.zeros((1, 4, 6, 2, 5 + 3))
n, row, col, a = 0, 1, 2, 1
raw[n, row, col, a] = [0.4, -0.8, 0.3, 0.2, 1.5, 0.1, 2.0, -0.5]
print(raw.shape, "axes N H W A field")

# %% [markdown]
# A convolution gives its channels otherwise: (N, A·(5 + K), H, W). `yl.grid.from_nchw` is a view of
# it with the axes above; nothing is copied.

# %%
channels = yl.grid.to_nchw(raw)
print(channels.shape, "→", yl.grid.from_nchw(channels, num_anchors=2).shape)

# %% [markdown]
# ## From logits to a box
#
# Hats mark predictions. $c_x$ and $c_y$ are column and row of the cell, `col` and `row` in the
# code: `cx` would be the centre of a box elsewhere, and is banned.
#
# $$\hat x = \sigma(t_x) + c_x \qquad \hat y = \sigma(t_y) + c_y \qquad
# \hat w = p_w e^{t_w} \qquad \hat h = p_h e^{t_h} \qquad \hat C = \sigma(t_o)$$
#
# x and y are counted in cells, w and h in fractions of the picture. The prior $p_w, p_h$ is an
# anchor, given in pixels, over the size of the network input, which is grid × stride.

# %%
tx, ty, tw, th, to = raw[n, row, col, a, :5]
pw, ph = 90 / 192, 40 / 128
x_hat, y_hat = float(yl.elementwise.sigmoid(tx)) + col, float(yl.elementwise.sigmoid(ty)) + row
print(f"x̂ = σ({tx}) + {col} = {x_hat:.4f} cells = {x_hat / 6:.4f} of the width")
print(f"ŷ = σ({ty}) + {row} = {y_hat:.4f} cells = {y_hat / 4:.4f} of the height")
print(f"ŵ = {pw:.4f} · e^{tw} = {pw * np.exp(tw):.4f} of the width")
print(f"ĥ = {ph:.4f} · e^{th} = {ph * np.exp(th):.4f} of the height")

# %% [markdown]
# `decode` does that for all predictors at once. Its boxes are in centre form, all four numbers in
# fractions of the picture, as all boxes of the package that go in or out.

# %%
decoded = yl.v2.decode(raw, config)
print("boxes", decoded.boxes.shape, decoded.boxes[n, row, col, a].round(4))
print("Ĉ    ", decoded.obj.shape, decoded.obj[n, row, col, a].round(4))
print("p̂(c) ", decoded.cls.shape, decoded.cls[n, row, col, a].round(4))

# %% [markdown]
# ## On the picture
#
# The filled square is the cell, the dashed box the prior on the cell's centre, the line the decoded
# box. Its centre can lie anywhere in the cell, and never outside: σ ends at 0 and 1.

# %%
figure, ax = pyplot.subplots(figsize=(8, 5.4), layout="constrained")
plot.photograph(np.full((128, 192), 60, dtype=np.uint8), ax, brightness=1)
plot.grid((4, 6), ax)
hue = plot.HUES[0]
cell = [(col + 0.5) / 6, (row + 0.5) / 4]
plot.outlines(np.array([[*cell, 1 / 6, 1 / 4]]), ax, fill=True, facecolor=hue, alpha=0.4)
plot.outlines(np.array([[*cell, pw, ph]]), ax, edgecolor=hue, linestyle=plot.DASHES)
box = decoded.boxes[n, row, col, a]
plot.outlines(box, ax, edgecolor=hue, linewidth=2.4)


def note(text, at, place):
    """A word beside a point."""
    arrow = {"arrowstyle": "-", "color": "white", "linewidth": 0.8}
    ax.annotate(text, at, place, color="white", fontsize=12, arrowprops=arrow, ha="center")


ax.plot(*box[:2], "o", color=hue, markeredgecolor="white")
note("x̂, ŷ", box[:2], (0.62, 0.30))
note("cell: col 2, row 1", (2 / 6, 1 / 4), (0.22, 0.12))
note("prior p_w × p_h", (cell[0] - pw / 2, cell[1] + ph / 2 - 0.05), (0.14, 0.68))
note("decoded ŵ × ĥ", (box[0] + box[2] / 2, box[1] + 0.05), (0.86, 0.62))

# %% [markdown]
# ## From a box to logits
#
# `encode` is the inverse at a given cell and anchor: $t_x = \mathrm{logit}(x - c_x)$,
# $t_w = \log(w / p_w)$. It leads back to where we began.

# %%
at = (np.array(v) for v in (row, col, a))
print(yl.v2.encode(box, *at, config, grid_shape=(4, 6)).round(6))

# %% [markdown]
# ## The truth
#
# Labels are lists of different lengths. `Targets` holds them padded to T, the longest of the batch,
# with a mask of what is meant: boxes (N, T, 4), labels (N, T), valid (N, T).

# %%
targets = yl.pad_targets([[(0.42, 0.40, 0.55, 0.35), (0.15, 0.80, 0.20, 0.30)]], [[1, 0]])
print(*targets, sep="\n")

# %% [markdown]
# `assign` says who is responsible for whom. 1obj of the papers is `responsible`, (N, H, W, A); for
# a truth t it is `mask[n, t]` at `row`, `col`, `anchor`.

# %%
matches = yl.v2.assign(raw, targets, config)
for t in range(2):
    found = matches.row[n, t], matches.col[n, t], matches.anchor[n, t, 0]
    print(f"truth {t}: row {found[0]}, col {found[1]}, anchor {found[2]}, IOU_anchor^truth "
          f"{matches.iou[n, t, 0]:.4f}")  # fmt: skip

# %% [markdown]
# ## The loss
#
# A loss is a sum over one image, in four terms, each with its λ in it, by image and head: (N, S).
# Nothing is divided by images, objects or cells. `loss_and_grad` adds the gradient, which looks
# like the raw output.

# %%
terms, grad = yl.v2.loss_and_grad(raw, targets, config)
for name, value in terms._asdict().items():
    print(f"{name:6}{value[n, 0]:9.4f}")
print(f"total {terms.total[n]:9.4f}", "   gradient", grad.shape)

# %% [markdown]
# ## All letters
#
# The table of `NOTATION.md`, which comes with the package.

# %%
notation = (Path(yl.__file__).parent / "NOTATION.md").read_text(encoding="utf-8")
Markdown(notation.partition("\n\n")[2])
