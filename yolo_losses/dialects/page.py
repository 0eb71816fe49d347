"""The page that sets all dialects side by side, made from their docstrings.

python -m yolo_losses.dialects.page > yolo_losses/dialects/README.md
"""

from collections.abc import Iterator

from .registry import DIALECTS, TOPICS, Dialect, departures, faults

_FOREWORD = """# Dialects

Programs that people trained with compute something else than the formula. Each has a module here
that restates its rules on every array library, and meets what the program itself left behind in
[conformance/recorded](../../conformance/recorded/README.md).

```python
from yolo_losses.dialects import darknet_v3, ultralytics

out = darknet_v3.deltas(raw, truths, darknet_v3.Options(anchors, mask, net_w=416, net_h=416))
out.delta, out.cost  # the layer's buffer, −dL/dt, and what the program prints

options = ultralytics.Options.ultralytics_yolov3(anchors, strides)
each = ultralytics.loss(heads, targets, options)
each.components, each.total  # differentiable on PyTorch and JAX
```

`yolo-losses dialects` lists them. `yolo-losses explain-difference v3 darknet_v3 --raw … --labels …`
shows on your own numbers which terms differ, by how much, and why.

## Term by term

The formula of each version, then every program that departs from it in that point. Where a program
is missing it computes what the formula says. The last column leads to the tests that hold the
program's module against its recorded numbers, and that break its rules one by one.
"""

_FORMULA = {
    "decode": {
        "v1": "x̂, ŷ, ŵ, ĥ = σ(t), Ĉ = σ(t_o), p̂ = softmax(c)",
        "v2": "x̂ = σ(t_x) + c_x, ŵ = p_w e^{t_w}, p̂ = softmax(c)",
        "v3": "as v2, p̂(c) = σ(c)",
        "v4": "x̂ = s σ(t_x) − (s − 1)/2 + c_x, else as v3",
    },
    "assignment": {
        "v1": "the box of the centre's cell with the highest IOU",
        "v2": "the anchor of the centre's cell with the highest IOU of shapes",
        "v3": "the best anchor by shape over all heads",
        "v4": "the best anchor by shape, and all above `iou_thresh`",
    },
    "ignore": {
        "v1": "nothing",
        "v2": "nothing",
        "v3": "priors that overlap an object above 0.5; options: by shape, by prediction",
        "v4": "nothing; options as v3",
    },
    "coordinates": {
        "v1": "Σ (x − x̂)² + (√w − √ŵ)²",
        "v2": "(2 − w h) Σ (x − x̂)² + (w − ŵ)²",
        "v3": "(2 − w h) Σ (t − t̂)², gated by IOU_anchor^truth > 0.5",
        "v4": "1 − CIOU",
    },
    "objectness": {
        "v1": "(IOU − Ĉ)², Ĉ² elsewhere",
        "v2": "(IOU − Ĉ)², Ĉ² elsewhere",
        "v3": "cross entropy with 1, with 0 elsewhere",
        "v4": "cross entropy with 1, with 0 elsewhere",
    },
    "classes": {
        "v1": "Σ (p − p̂)²",
        "v2": "Σ (p − p̂)²",
        "v3": "Σ cross entropy",
        "v4": "Σ cross entropy, smoothed labels as an option",
    },
    "collisions": {
        "v1": "the first object keeps the cell",
        "v2": "the last object keeps the predictor",
        "v3": "the last object keeps the predictor",
        "v4": "the last object keeps the predictor",
    },
    "reduction": dict.fromkeys(("v1", "v2", "v3", "v4"), "a sum over the image"),
    "eps": {
        "v1": "none",
        "v2": "none",
        "v3": "offsets clipped to [1e-3, 1 − 1e-3] before their logit",
        "v4": "none",
    },
    "truths": dict.fromkeys(
        ("v1", "v2", "v3", "v4"), "all of an image; one that breaks a rule takes part in nothing"
    ),
    "cost": dict.fromkeys(("v1", "v2", "v3", "v4"), "the loss"),
}

_TESTS = "../../tests/test_dialects_{}.py"


def _program(dialect: Dialect) -> str:
    return f"[{dialect.name}]({dialect.name}.py)"


def _test(dialect: Dialect) -> str:
    return f"[tests]({_TESTS.format(dialect.tests)})"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _topic(topic: str) -> Iterator[str]:
    """The rows of one topic: by version, the formula and the dialects that depart from it."""
    for version, formula in _FORMULA[topic].items():
        yield _row(topic, f"**{version}**", f"[{version}.py](../{version}.py)", formula, "")
        for dialect in DIALECTS.values():
            if dialect.version == version and topic in (found := departures(dialect)):
                yield _row(topic, version, _program(dialect), found[topic], _test(dialect))


def _faults() -> Iterator[str]:
    """What goes wrong in each program."""
    for dialect in DIALECTS.values():
        if found := faults(dialect):
            yield f"\n### {dialect.program}\n"
            yield from (f"* **{what}**: {text}" for what, text in found.items())


def page() -> str:
    """The whole page, Markdown."""
    lines = [_FOREWORD, _row("term", "version", "program", "what it computes", "proof")]
    lines += [_row(*["---"] * 5)]
    for topic in TOPICS:
        lines += _topic(topic)
    lines += ["\n## Faults\n\nFound by running the programs, and kept in their modules."]
    return "\n".join([*lines, *_faults()]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
