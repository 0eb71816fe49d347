"""Other array libraries have the terms and gradients of NumPy; those that compile nothing.

`python -m tests.support.differential` says how far apart they are, and those that compile.
"""

from functools import partial

from conformance.backends import BACKENDS

from ..cases import Case
from .law import evaluated, gap, law


def same_on(library: str, case: Case) -> float:
    """The error of a back end of `conformance.backends`."""
    answer = partial(case.module.loss_and_grad, config=case.config)
    return gap(BACKENDS[library]().call(answer, case.raw, case.targets), evaluated(case))


@law("vN.loss_and_grad")
def same_on_strict(case: Case) -> float:
    """On array-api-strict."""
    return same_on("array-api-strict", case)


@law("vN.loss_and_grad")
def same_on_torch(case: Case) -> float:
    """On PyTorch, whose memory NumPy does not see."""
    return same_on("torch", case)


@law("vN.loss_and_grad")
def same_on_lending_torch(case: Case) -> float:
    """On PyTorch, which lends its constants to NumPy."""
    return same_on("torch-lent", case)
