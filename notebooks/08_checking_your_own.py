# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 Checking your own implementation
#
# I have written a YOLOv3 loss myself. Is it right, and if not, where does it go wrong?
#
# `yolo_losses.crosscheck.compare` takes whatever your program can hand out, decoded boxes, terms, a
# total, a gradient, and holds it against the formula stage by stage. It names the first stage that
# differs, and looks for a known convention that explains all the numbers.

# %%
import numpy as np
import torch
from matplotlib import pyplot

import yolo_losses as yl
from yolo_losses import plot
from yolo_losses.crosscheck import compare

# %% [markdown]
# ## The implementation
#
# A YOLOv3 loss in plain PyTorch, as one writes it from the paper: one head, loops over the truths,
# no ignore rule. It is meant to compute this:
#
# $$\sum 1^{obj}\,(2 - wh) \sum_{xywh} (t - \hat t)^2
# + \sum \mathrm{BCE}(\hat C, 1^{obj}) + \sum 1^{obj} \sum_c \mathrm{BCE}(\hat p_c, p_c)$$

# %%
anchors = ((16, 30), (45, 45), (90, 60))
config = yl.v3.Config(
    anchors=anchors, masks=((0, 1, 2),), strides=(32,), coord_iou_threshold=None, ignore_by=None
)


def shape_iou(w, h, anchor_w, anchor_h):
    inter = min(w, anchor_w) * min(h, anchor_h)
    return inter / (w * h + anchor_w * anchor_h - inter)


def my_loss(raw, targets, config, weight=lambda w, h: 2 - w * h):
    """Terms of a batch: box, objectness, class; raw (N, H, W, A, 5 + K)."""
    n, H, W, _, _ = raw.shape
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    box, cls, owner = torch.zeros(n), torch.zeros(n), torch.zeros(raw.shape[:4])
    for image in range(n):
        for (x, y, w, h), label in zip(targets.boxes[image], targets.labels[image], strict=True):
            if w == 0:
                continue  # filled up
            sizes = [(pw / (W * 32), ph / (H * 32)) for pw, ph in config.anchors]
            best = max(range(len(sizes)), key=lambda a: shape_iou(w, h, *sizes[a]))
            row, col = int(y * H), int(x * W)
            t = raw[image, row, col, best]
            want = torch.logit(torch.tensor([x * W - col, y * H - row], dtype=raw.dtype))
            size = torch.log(torch.tensor([w / sizes[best][0], h / sizes[best][1]]))
            square = ((t[:2] - want) ** 2).sum() + ((t[2:4] - size) ** 2).sum()
            box[image] += weight(w, h) * square
            p = torch.nn.functional.one_hot(torch.tensor(label), raw.shape[-1] - 5)
            cls[image] += bce(t[5:], p.to(raw.dtype), reduction="sum")
            owner[image, row, col, best] = 1
    each = bce(raw[..., 4], owner, reduction="none")
    obj, noobj = (each * owner).sum((1, 2, 3)), (each * (1 - owner)).sum((1, 2, 3))
    return {"box": box, "obj": obj, "noobj": noobj, "cls": cls}


rng = np.random.default_rng(8)
raw = rng.normal(size=(2, 4, 6, 3, 5 + 4)).astype("float32")
targets = yl.pad_targets(
    [[(0.30, 0.40, 0.25, 0.40), (0.80, 0.70, 0.40, 0.45)], [(0.55, 0.20, 0.10, 0.30)]],
    [[1, 3], [0]],
)

# %% [markdown]
# ## A first answer

# %% tags=["varies"]
mine = my_loss(torch.tensor(raw), targets, config)
print(compare({"terms": mine}, (raw,), targets, config))

# %% [markdown]
# It is right. Now three versions of it that are not, each with a slip that is easily made.
#
# ## A weight that was forgotten
#
# The factor 2 − w·h is easily overlooked: it stands in darknet's code, not in the paper's text.

# %%
slip = my_loss(torch.tensor(raw), targets, config, weight=lambda w, h: 1)
print(compare({"terms": slip}, (raw,), targets, config))

# %% [markdown]
# ## Only the total is known
#
# A training program often prints one number. Then the stages before it cannot be told apart, but
# the conventions that explain the number can still be counted.

# %%
total = sum(mine.values()) / 2  # the mean over the batch, and no image has a total of its own
print(compare({"total": total.sum()}, (raw,), targets, config))

# %% [markdown]
# ## The gradient, cell by cell
#
# The fullest answer comes from the gradient. Here the classes are trained with a softmax instead of
# independent logistic outputs.


# %% tags=["varies"]
def with_softmax(x):
    terms = my_loss(x, targets, config)
    held = yl.v3.assign((raw,), targets, config)[0].responsible
    logits = x[torch.tensor(held)][:, 5:]
    order = [1, 3, 0]  # the labels of the held predictors, in the order of their cells
    softmax = torch.nn.functional.cross_entropy(logits, torch.tensor(order), reduction="sum")
    return terms["box"].sum() + terms["obj"].sum() + terms["noobj"].sum() + softmax


x = torch.tensor(raw, requires_grad=True)
with_softmax(x).backward()
answer = compare({"grad": [x.grad]}, (raw,), targets, config)
print(answer)

# %% [markdown]
# The errors over the grid. Cells without an object are right, so the slip is in what responsible
# predictors are asked for.

# %%
figure, ax = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
ax = plot.error_map(answer.difference, ax=ax)
# %% [markdown]
# ## In a test suite
#
# `yolo_losses.testing` holds the test vectors: inputs and expected numbers, exact to the last
# digit, each with the mistake that it catches. `assert_conforms` judges your numbers with the
# tolerance of the case.

# %%
from yolo_losses.testing import assert_conforms, cases

found = list(cases("ciou"))
print(len(found), "cases of CIOU, the first:", found[0].id)


def forgetful(pred, gt):
    """A CIOU without its aspect term."""
    return yl.iou.value_and_grad("diou", pred, gt)


def judged(implementation):
    """The cases that an implementation fails, and why."""
    why = {}
    for case in found:
        try:
            pair = (np.array(case.inputs[k]) for k in ("pred", "gt"))
            assert_conforms(case, implementation(*pair))
        except AssertionError as error:
            why[case.id] = str(error)
    return why


assert not judged(lambda pred, gt: yl.iou.value_and_grad("ciou", pred, gt))
failed = judged(forgetful)
print(len(failed), "fail, among them:")
print(next(iter(failed.values())))

# %% [markdown]
# From the shell: `yolo-losses compare mine.npz --version v3 --preset coco`. In any other language:
# the JSON files of `conformance/cases`.
