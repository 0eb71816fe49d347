"""The test vectors on an installed core: it needs NumPy and array-api-compat, and no file of the tree.

`python core_alone.py`, from any folder.
"""

import importlib.util

import numpy as np

import yolo_losses as yl
from yolo_losses import testing

ABSENT = ("torch", "jax", "click", "rich", "matplotlib", "pytest")


def evaluate(case: testing.Case) -> object:
    """What the package says of a case of a similarity or of a loss."""
    if case.kind == "similarity":
        pred, gt = (np.array(case.inputs[k], dtype=float) for k in ("pred", "gt"))
        return yl.iou.value_and_grad(case.inputs["similarity"], pred, gt)
    return getattr(yl, case.version).loss_and_grad(case.raw, case.targets, case.config)


def main() -> None:
    """Judge them all; an error where one differs, or where more is installed than is needed."""
    assert not [name for name in ABSENT if importlib.util.find_spec(name)]
    found = [case for case in testing.cases() if case.kind in ("similarity", "loss")]
    assert len(found) > 100
    for case in found:
        with np.errstate(all="ignore"):
            testing.assert_conforms(case, evaluate(case))
    print(f"{len(found)} test vectors on {yl.__file__}")


if __name__ == "__main__":
    main()
