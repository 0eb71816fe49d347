"""Implementations with slips: plain PyTorch that shares no code with the package.

Truths are walked one by one; everything else is dense. A slip is a name in `slips` that changes
the line that it stands in.
"""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch.nn import functional as fn

TERMS = ("box", "obj", "noobj", "cls")


def corners(x, y, w, h):
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def similarity(kind: str, a, b, slips=frozenset(), eps=0.0):
    """Of boxes x y w h."""
    ax1, ay1, ax2, ay2 = corners(*a)
    bx1, by1, bx2, by2 = corners(*b)
    zero = torch.zeros_like(ax1)
    inter = torch.maximum(torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1), zero)
    inter = inter * torch.maximum(torch.minimum(ay2, by2) - torch.maximum(ay1, by1), zero)
    union = a[2] * a[3] + b[2] * b[3] - inter + eps
    iou = inter / union
    cw = torch.maximum(ax2, bx2) - torch.minimum(ax1, bx1)
    ch = torch.maximum(ay2, by2) - torch.minimum(ay1, by1)
    if kind == "iou":
        return iou
    if kind == "giou":
        return iou - (cw * ch - union) / (cw * ch)
    far = ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) / (cw**2 + ch**2)
    far = far**0.6 if "diou-to-the-0.6" in slips else far
    if kind == "diou":
        return iou - far
    pi = math.pi if "four-over-pi" in slips else math.pi**2
    v = 4 / pi * (torch.atan(b[2] / b[3]) - torch.atan(a[2] / a[3])) ** 2
    v = v.detach() if "v-detached" in slips else v
    alpha = v / ((1 - iou) + v)
    alpha = alpha if "alpha-differentiated" in slips else alpha.detach()
    return iou - far - alpha * v


def shape_iou(w, h, pw, ph):
    inter = min(w, pw) * min(h, ph)
    return inter / (w * h + pw * ph - inter)


class Planted:
    """One batch through an implementation; `answer` has the keys that `compare` takes."""

    def __init__(self, version, raw, targets, config, slips=frozenset(), dtype="float64"):
        self.v, self.c, self.slips = version, config, slips
        self.dtype = getattr(torch, dtype)
        raw = raw if isinstance(raw, (list, tuple)) else [raw]
        inside = torch.float32 if "float32-inside" in slips else self.dtype
        self.leaves = [torch.tensor(x, dtype=inside, requires_grad=True) for x in raw]
        self.inside = inside
        self.boxes_in, self.labels, self.valid = (np.array(t) for t in targets)
        self.read()

    def on(self, name):
        return name in self.slips

    # Raw outputs: fields (N, H, W, A, 5) and classes.

    def read(self):
        self.B = getattr(self.c, "num_boxes", 1)
        heads = self.leaves
        if self.on("nchw-read-as-nhwc"):
            heads = [self.misread(x) for x in heads]
        self.t, self.cls = [], []
        for x in heads:
            n, h, w = x.shape[:3]
            boxes = (
                x[..., : 5 * self.B].reshape(n, h, w, self.B, 5) if self.v == "v1" else x[..., :5]
            )
            order = [0, 1, 2, 3, 4]
            if self.on("tx-ty-exchanged"):
                order[:2] = 1, 0
            if self.on("tw-th-exchanged"):
                order[2:4] = 3, 2
            self.t.append(boxes[..., order])
            self.cls.append(x[..., 5 * self.B :] if self.v == "v1" else x[..., 5:])
        self.N, self.K, self.S = len(heads[0]), self.cls[0].shape[-1], len(heads)
        if self.v == "v1":
            self.strides, self.masks, self.anchors = (1.0,), (None,), ()
        else:
            self.strides = getattr(self.c, "strides", None) or (self.c.stride,)
            self.masks = getattr(self.c, "masks", None) or (tuple(range(len(self.c.anchors))),)
            self.masks = self.masks[::-1] if self.on("masks-reversed") else self.masks
        self.width = heads[0].shape[2] * self.strides[0]
        self.height = heads[0].shape[1] * self.strides[0]

    def misread(self, x):
        order = (0, 3, 1, 2) if x.ndim == 4 else (0, 3, 4, 1, 2)
        return x.permute(*order).contiguous().reshape(x.shape)

    def priors(self, s):
        out = []
        for k in self.masks[s]:
            w, h = self.c.anchors[k]
            if self.on("anchors-w-h-exchanged"):
                w, h = h, w
            f = self.strides[s] if self.on("anchors-times-stride") else 1.0
            f = 1 / self.strides[s] if self.on("anchors-over-stride") else f
            out.append((k, w * f / self.width, h * f / self.height))
        return out

    # Decode.

    def decode(self, s):
        """x y w h in fractions, (N, H, W, A) each."""
        t = self.t[s]
        h, w = t.shape[1:3]
        col = torch.arange(w, dtype=self.inside)[None, None, :, None]
        row = torch.arange(h, dtype=self.inside)[None, :, None, None]
        if self.on("row-col-exchanged"):
            col, row = row, col
        ox, oy = self.offset(t[..., 0], s), self.offset(t[..., 1], s)
        shift = 0.5 if self.on("half-a-cell") else 0.0
        x, y = (ox + col + shift) / w, (oy + row + shift) / h
        if self.v == "v1":
            return x, y, torch.sigmoid(t[..., 2]), torch.sigmoid(t[..., 3])
        pw = torch.tensor([p[1] for p in self.priors(s)], dtype=self.inside)
        ph = torch.tensor([p[2] for p in self.priors(s)], dtype=self.inside)
        if self.on("yolov5-sizes"):
            return (
                x,
                y,
                pw * (2 * torch.sigmoid(t[..., 2])) ** 2,
                ph * (2 * torch.sigmoid(t[..., 3])) ** 2,
            )
        return x, y, pw * torch.exp(t[..., 2]), ph * torch.exp(t[..., 3])

    def offset(self, t, s):
        if self.on("sigmoid-missing-xy"):
            return t
        v = torch.sigmoid(torch.sigmoid(t) if self.on("sigmoid-twice-xy") else t)
        if self.on("sigmoid-slope-left-out"):
            v = t + (v - t).detach()
        k = 1.0 if self.v != "v4" or self.on("scale-xy-left-out") else self.c.scale_xy[s]
        return k * v - (0 if self.on("scale-xy-without-shift") else (k - 1) / 2)

    # Truths.

    def truths(self, n):
        """(t, x, y, w, h, label) of the usable ones."""
        for t in range(len(self.labels[n])):
            x, y, w, h = (float(v) for v in torch.tensor(self.boxes_in[n, t], dtype=self.inside))
            if self.on("truths-x-y-exchanged"):
                x, y = y, x
            if self.on("truths-w-h-exchanged"):
                w, h = h, w
            if self.on("truths-corner-form"):
                x, y, w, h = (x + w) / 2, (y + h) / 2, max(w - x, 1e-3), max(h - y, 1e-3)
            if self.on("truths-x-y-exchanged-and-w-h"):
                x, y, w, h = y, x, h, w
            if self.on("truths-top-left-as-centre"):
                x, y = x - w / 2, y - h / 2
            if self.on("truths-upside-down"):
                y = 1 - y
            c = 0 if self.on("labels-zero") else int(self.labels[n, t])
            c = (c + self.on("labels-plus-one") - self.on("labels-minus-one")) % self.K
            usable = 0 <= x <= 1 and 0 <= y <= 1 and 0 < w <= 1 and 0 < h <= 1
            if usable and (self.valid[n, t] or self.on("valid-ignored")):
                yield t, x, y, w, h, c

    def cell(self, v, size):
        v = float(torch.tensor(v, dtype=self.inside) * size)
        i = math.floor(v + 0.5) if self.on("cell-rounded") else math.floor(v)
        i = min(i, size - 1)
        return i, v - i

    def chosen(self, s, w, h):
        """Anchors of head s that a truth takes, with IOU_anchor^truth."""
        every = {k: (pw, ph) for q in range(self.S) for k, pw, ph in self.priors(q)}
        for k, (aw, ah) in enumerate(self.c.anchors):
            every.setdefault(k, (aw / self.width, ah / self.height))
        iou = {k: shape_iou(w, h, *every[k]) for k in sorted(every)}
        best = max(iou, key=lambda k: (iou[k], -k))
        own = [(a, k) for a, (k, *_) in enumerate(self.priors(s))]
        if self.on("best-of-each-head"):
            best = max((k for _, k in own), key=lambda k: (iou[k], -k))
        least = math.inf
        if self.v == "v4" and not self.on("best-anchor-only"):
            least = 0.5 if self.on("assign-threshold-0.5") else self.c.assign_iou_threshold
        always = not self.on("above-threshold-only")
        return [(a, iou[k]) for a, k in own if (k == best and always) or iou[k] > least]

    def assign(self):
        """self.rows: {(n, s, row, col, a): (x, y, w, h, label, iou, off x, off y)}."""
        self.boxes = [self.decode(s) for s in range(self.S)]
        self.rows: dict[tuple, tuple] = {}
        for n in range(self.N):
            for _, x, y, w, h, c in self.truths(n):
                for s in range(self.S):
                    self.place(n, s, x, y, w, h, c)

    def place(self, n, s, x, y, w, h, c):
        size = self.t[s].shape[1:3]
        (row, oy), (col, ox) = self.cell(y, size[0]), self.cell(x, size[1])
        if self.v == "v1":
            one = [v[n, row, col] for v in self.boxes[0]]
            truth = [torch.tensor(v, dtype=self.inside).expand(self.B) for v in (x, y, w, h)]
            iou = similarity("iou", one, truth)
            best = int(iou.argmin() if self.on("lowest-iou") else iou.argmax())
            takes = range(self.B) if self.on("all-predictors") else [best]
            found = [(a, iou[a]) for a in takes]
            taken = any((n, 0, row, col, a) in self.rows for a in range(self.B))
            if taken and not self.on("last-keeps"):
                return
            for a in range(self.B):
                self.rows.pop((n, 0, row, col, a), None)
        else:
            found = self.chosen(s, w, h)
        for a, iou in found:
            if not (self.on("first-keeps") and (n, s, row, col, a) in self.rows):
                self.rows[n, s, row, col, a] = (x, y, w, h, c, iou, ox, oy)

    def masks_of(self):
        self.held = [np.zeros(t.shape[:4], bool) for t in self.t]
        for n, s, *place in self.rows:
            self.held[s][(n, *place)] = True
        self.ignored = [self.ignore(s) & ~self.held[s] for s in range(self.S)]

    def ignore(self, s):
        out = np.zeros(self.t[s].shape[:4], bool)
        by = getattr(self.c, "ignore_by", None)
        for rule in ("prior", "prediction", "shape"):
            by = rule if self.on(f"ignore-by-{rule}") else by
        if by is None or self.on("ignore-rule-left-out"):
            return out
        least = self.c.ignore_threshold
        for t in ("0.5", "0.6", "0.7"):
            least = float(t) if self.on(f"ignore-threshold-{t}") else least
        h, w = out.shape[1:3]
        x, y, bw, bh = (v.detach().clone() for v in self.boxes[s])
        if by == "prior":
            x = ((torch.arange(w, dtype=self.inside) + 0.5) / w)[None, None, :, None].expand(
                x.shape
            )
            y = ((torch.arange(h, dtype=self.inside) + 0.5) / h)[None, :, None, None].expand(
                x.shape
            )
        if by in ("prior", "shape"):
            bw = torch.tensor([p[1] for p in self.priors(s)], dtype=self.inside).expand(x.shape)
            bh = torch.tensor([p[2] for p in self.priors(s)], dtype=self.inside).expand(x.shape)
        for n in range(self.N):
            for _, tx, ty, tw, th, _ in self.truths(n):
                if by == "shape":
                    row, col = self.cell(ty, h)[0], self.cell(tx, w)[0]
                    hit = [
                        shape_iou(tw, th, float(a), float(b)) > least
                        for a, b in zip(bw[n, row, col], bh[n, row, col], strict=True)
                    ]
                    out[n, row, col] |= np.array(hit)
                    continue
                gt = [
                    torch.tensor(v, dtype=self.inside).expand(x[n].shape) for v in (tx, ty, tw, th)
                ]
                out[n] |= (similarity("iou", [v[n] for v in (x, y, bw, bh)], gt) > least).numpy()
        return out

    # Terms: (N, S) each.

    def terms(self):
        zero = torch.zeros((), dtype=self.inside)
        self.sums = {t: [[zero for _ in range(self.S)] for _ in range(self.N)] for t in TERMS}
        for (n, s, *place), row in self.rows.items():
            t = self.t[s][(n, *place)]
            logits = self.cls[s][(n, *place[:2])] if self.v == "v1" else self.cls[s][(n, *place)]
            pred = [v[(n, *place)] for v in self.boxes[s]]
            self.sums["box"][n][s] = self.sums["box"][n][s] + self.box(t, s, place, pred, row)
            self.sums["obj"][n][s] = self.sums["obj"][n][s] + self.obj(t, s, place, pred, row)
            if self.v != "v1" or not self.on("all-predictors") or place[2] == 0:
                self.sums["cls"][n][s] = self.sums["cls"][n][s] + self.classes(logits, row[4])
        for s in range(self.S):
            free = ~self.held[s] & ~self.ignored[s]
            if self.on("noobj-of-empty-cells-only"):
                free &= ~self.held[s].any(-1, keepdims=True)
            if self.on("noobj-counts-responsible"):
                free |= self.held[s]
            plane = self.noobj(self.t[s][..., 4]) * torch.tensor(free)
            for n in range(self.N):
                self.sums["noobj"][n][s] = plane[n].sum()
        out = {t: torch.stack([torch.stack(r) for r in v]) for t, v in self.sums.items()}
        return {t: v * self.scale(t) for t, v in out.items()}

    def box(self, t, s, place, pred, row):
        x, y, w, h, _, iou, ox, oy = row
        lam = self.c.lambda_coord
        if self.v == "v4":
            return lam * (1 - self.overlap(pred, (x, y, w, h), s))
        size = self.t[s].shape[1:3]
        far = (lambda d: abs(d)) if self.on("l1") else (lambda d: d**2)
        kx, kw = 0.5 if self.on("xy-half") else 1.0, 0.5 if self.on("wh-half") else 1.0
        if self.v in ("v1", "v2"):
            dx = x * size[1] - pred[0] * size[1]
            dy = y * size[0] - pred[1] * size[0]
        if self.v == "v1":
            root = (lambda v: v) if self.on("sqrt-missing") else (lambda v: v**0.5)
            return lam * (
                kx * (far(dx) + far(dy))
                + kw * (far(root(w) - root(pred[2])) + far(root(h) - root(pred[3])))
            )
        weight = lam if self.on("weight-2-wh-left-out") else lam * (2 - w * h)
        weight = weight * (2 - w * h) if self.on("weight-squared") else weight
        _, pw, ph = self.priors(s)[place[2]]
        if self.v == "v2":
            dw, dh = w - pred[2], h - pred[3]
            if self.on("sizes-in-cells"):
                dw, dh = dw * size[1], dh * size[0]
            if self.on("sizes-in-log"):
                dw, dh = t[2] - math.log(w / pw), t[3] - math.log(h / ph)
            return weight * (kx * (far(dx) + far(dy)) + kw * (far(dw) + far(dh)))
        gate = self.c.coord_iou_threshold
        if gate is not None and iou <= gate and not self.on("gate-left-out"):
            return 0 * t[0]
        lo, hi = self.c.offset_eps, 1 - self.c.offset_eps
        inv = [math.log(v / (1 - v)) for v in (min(max(o, lo), hi) for o in (ox, oy))]
        xy = far(t[0] - inv[0]) + far(t[1] - inv[1])
        if self.on("offsets-after-sigmoid"):
            xy = (torch.sigmoid(t[0]) - ox) ** 2 + (torch.sigmoid(t[1]) - oy) ** 2
        if self.on("offsets-bce"):
            want = torch.tensor([ox, oy], dtype=self.inside)
            xy = fn.binary_cross_entropy_with_logits(t[:2], want, reduction="sum")
        wh = far(t[2] - math.log(w / pw)) + far(t[3] - math.log(h / ph))
        if self.on("sizes-linear"):
            wh = (w / pw - torch.exp(t[2])) ** 2 + (h / ph - torch.exp(t[3])) ** 2
        return weight * (kx * xy + kw * wh)

    def overlap(self, pred, gt, s):
        kind = next(
            (k for k in ("iou", "giou", "diou") if self.on(f"similarity-{k}")), self.c.similarity
        )
        unit = (1, 1) if self.on("boxes-in-fractions") else (self.width, self.height)
        scale = (*unit, *unit)
        eps = 1e-7 if self.on("eps-in-union") else 0.0
        a = [v * k for v, k in zip(pred, scale, strict=True)]
        b = [torch.tensor(v, dtype=self.inside) * k for v, k in zip(gt, scale, strict=True)]
        return similarity(kind, a, b, self.slips, eps)

    def obj(self, t, s, place, pred, row):
        gt = [torch.tensor(v, dtype=self.inside) for v in row[:4]]
        iou = similarity("iou", pred, gt, eps=1e-7 if self.on("eps-in-union") else 0.0)
        iou = iou**2 if self.on("target-iou-squared") else iou
        iou = iou if self.on("iou-target-not-detached") else iou.detach()
        if self.on("sigmoid-twice-objectness-in-loss"):
            t = torch.cat([t[:4], torch.sigmoid(t[4:])])
        p = torch.sigmoid(t[4])
        if self.v in ("v1", "v2"):
            lam = getattr(self.c, "lambda_obj", 1.0)
            iou = 1.0 if self.on("target-one") else iou
            if self.on("bce-objectness"):
                return lam * -(iou * fn.logsigmoid(t[4]) + (1 - iou) * fn.logsigmoid(-t[4]))
            return lam * (iou - p) ** 2
        if self.on("squared-error-objectness"):
            return self.c.lambda_obj * (1 - p) ** 2
        goal = iou if self.on("target-iou") else 1.0
        return -self.c.lambda_obj * (goal * fn.logsigmoid(t[4]) + (1 - goal) * fn.logsigmoid(-t[4]))

    def noobj(self, to):
        lam = getattr(self.c, "lambda_noobj", None) or self.c.lambda_obj
        to = torch.sigmoid(to) if self.on("sigmoid-twice-objectness-in-loss") else to
        if (self.v in ("v1", "v2")) != (
            self.on("bce-objectness") or self.on("squared-error-objectness")
        ):
            return lam * torch.sigmoid(to) ** 2
        return -lam * fn.logsigmoid(-to)

    def classes(self, c, label):
        lam = getattr(self.c, "lambda_class", 1.0)
        p = fn.one_hot(torch.tensor(label), self.K).to(self.inside)
        if self.on("cross-entropy") or self.on("classes-by-softmax"):
            return -lam * fn.log_softmax(c, -1)[label]
        if self.v in ("v1", "v2"):
            if self.on("classes-bce"):
                return lam * fn.binary_cross_entropy_with_logits(c, p, reduction="sum")
            q = torch.sigmoid(c) if self.on("classes-by-sigmoid") else torch.softmax(c, -1)
            q = torch.softmax(q, -1) if self.on("softmax-twice-in-loss") else q
            return lam * ((p - q) ** 2).sum()
        if self.on("classes-squared"):
            return lam * ((torch.sigmoid(c) - p) ** 2).sum()
        if self.on("positive-class-only"):
            return -lam * fn.logsigmoid(c[label])
        e = getattr(self.c, "label_smoothing", 0.0)
        p = p * (1 - e) + (e / self.K if self.on("smoothing-over-k") else e / 2)
        c = torch.sigmoid(c) if self.on("double-sigmoid") else c
        return lam * fn.binary_cross_entropy_with_logits(c, p, reduction="sum")

    def scale(self, term):
        """(N, S) or a number: what scale slips multiply a term by."""
        like = {"dtype": self.inside}
        held = torch.tensor([[v[n].sum() for v in self.held] for n in range(self.N)], **like)
        cells = torch.tensor([[t.shape[1] * t.shape[2] for t in self.t]], **like)
        lanes = torch.tensor([[t.shape[3] for t in self.t]], **like)
        lam = {"box": "lambda_coord", "obj": "lambda_obj", "cls": "lambda_class"}.get(term)
        lam = lam or ("lambda_noobj" if hasattr(self.c, "lambda_noobj") else "lambda_obj")
        by = {
            "over-N": 1 / self.N,
            "over-positives": 1 / held.sum(),
            "over-2": 0.5,
            "times-2": 2.0,
            "over-positives-of-image": 1 / torch.clamp(held.sum(1, keepdim=True), min=1),
            "over-K": 1 / self.K,
            "over-cells": 1 / cells,
            "over-predictors": 1 / (cells * lanes),
            "over-T": 1 / self.labels.shape[1],
            "left-out": 0.0,
            "balance": torch.tensor([[0.4, 1.0, 4.0][: self.S]], **like),
            "lambda-left-out": 1 / getattr(self.c, lam, 1.0),
        }
        out: Any = torch.ones((), dtype=self.inside)
        for name, value in by.items():
            out = out * value if self.on(f"{term}-{name}") else out
        return out.to(self.inside)

    # All of it.

    def answer(self) -> dict[str, Any]:
        self.assign()
        self.masks_of()
        terms = self.terms()
        counted = [v for t, v in terms.items() if not self.on(f"total-without-{t}")]
        total = sum(counted).sum(1) / (self.N if self.on("total-over-N") else 1)
        total.sum().backward()
        factor = 1 / self.N if self.on("grad-over-N") else 1.0
        factor = -factor if self.on("sign-reversed") else factor

        def out(v):
            return v.detach().to(self.dtype).numpy()

        return {
            "boxes": [out(self.handed(s)) for s in range(self.S)],
            "obj": [out(torch.sigmoid(t[..., 4])) for t in self.t],
            "cls": [out(self.probability(c)) for c in self.cls],
            "responsible": self.held,
            "ignored": self.ignored,
            "terms": {t: out(v) for t, v in terms.items()},
            "total": out(total),
            "grad": [self.slopes(out(x.grad) * factor, out(x)) for x in self.leaves],
        }

    def slopes(self, g, x):
        if self.on("gradient-clipped-at-1"):
            return np.clip(g, -1, 1)
        if self.on("slope-left-out-of-objectness"):
            at = [5 * b + 4 for b in range(self.B)]
            p = 1 / (1 + np.exp(-x[..., at]))
            g[..., at] /= p * (1 - p)
        return g

    def handed(self, s):
        x, y, w, h = self.boxes[s]
        size = self.t[s].shape[1:3]
        unit = (self.strides[s] * size[1], self.strides[s] * size[0])
        if self.on("corner-form"):
            x, y, w, h = corners(x, y, w, h)
        unit = unit if self.on("pixels") else (size[1], size[0]) if self.on("cells") else (1, 1)
        return torch.stack([x * unit[0], y * unit[1], w * unit[0], h * unit[1]], -1)

    def probability(self, c):
        soft = (self.v in ("v1", "v2")) != (
            self.on("classes-by-softmax") or self.on("classes-by-sigmoid")
        )
        return torch.softmax(c, -1) if soft else torch.sigmoid(c)


def result(version, raw, targets, config, slips=frozenset(), dtype="float64"):
    return Planted(version, raw, targets, config, frozenset(slips), dtype).answer()


# Scenes: N, S, K, positives and weights differ from each other, from 1 and from 2.

ANCHORS = ((14, 9), (10, 25), (32, 22), (24, 52), (70, 44), (52, 90))


def scene(version: str, seed: int):
    """Raw outputs, truths and the fields of a config."""
    rng = np.random.default_rng([seed, int(version[1])])
    n, k, t = 5, 7, 6
    wh = np.exp(rng.uniform(np.log(0.08), np.log(0.7), size=(n, t, 2)))
    boxes = np.concatenate([rng.uniform(0.02, 0.98, size=(n, t, 2)), wh], -1)
    boxes[:, 1] = boxes[:, 0] * rng.uniform(0.99, 1.01, size=(n, 4))  # two on one predictor
    boxes[:, 1, :2] = boxes[:, 0, :2]
    boxes = np.clip(boxes, 0.01, 0.99).astype(np.float32).astype(float)
    valid = np.ones((n, t), bool)
    valid[0, 5] = valid[1, 4:] = valid[2, 3:] = valid[4, 5] = False
    targets = SimpleNamespace(boxes=boxes, labels=rng.integers(0, k, size=(n, t)), valid=valid)
    config = CONFIGS[version](seed)
    shapes = {
        "v1": [(n, 4, 4, 5 * 3 + k)], "v2": [(n, 3, 4, 3, 5 + k)],
    }.get(version) or [(n, 3 * f, 4 * f, 2, 5 + k) for f in (1, 2, 4)]  # fmt: skip
    raw = [rng.normal(size=s).astype(np.float32).astype(float) for s in shapes]
    return raw if version in ("v3", "v4") else raw[0], targets, config


def _pyramid(seed):
    return {
        "anchors": ANCHORS, "masks": ((4, 5), (2, 3), (0, 1)), "strides": (32.0, 16.0, 8.0),
        "lambda_coord": 1.7, "lambda_obj": 0.6, "lambda_class": 2.3,
        "ignore_by": ("prediction", "prior")[seed % 2], "ignore_threshold": (0.35, 0.3)[seed % 2],
    }  # fmt: skip


CONFIGS = {
    "v1": lambda seed: {"num_boxes": 3, "lambda_coord": 4.3, "lambda_noobj": 0.35},
    "v2": lambda seed: {
        "anchors": ANCHORS[1::2], "stride": 32.0, "lambda_coord": 1.7, "lambda_obj": 4.3,
        "lambda_noobj": 0.6, "lambda_class": 2.3,
    },
    "v3": lambda seed: {**_pyramid(seed), "coord_iou_threshold": 0.45},
    "v4": lambda seed: {**_pyramid(seed), "scale_xy": (1.1, 1.2, 1.3), "label_smoothing": 0.08,
                        "assign_iou_threshold": (0.22, 0.45)[seed % 2]},
}  # fmt: skip
