"""What a dialect returns."""

from typing import Any, NamedTuple

from .._xp import Array


class Deltas(NamedTuple):
    """What a darknet layer leaves behind: the program has no loss, it writes slopes.

    Attributes
    ----------
    delta : array, like the raw outputs
        The layer's buffer: what is added in the direction of descent, −dL/d(something).
    cost : array, shape ()
        The number that the program prints for the whole batch.
    raw_delta : array, like the raw outputs
        The buffer after the slopes that the program's backward pass multiplies in, where it does;
        elsewhere `delta` itself.
    """

    delta: Array
    cost: Array
    raw_delta: Array


class DialectLoss(NamedTuple):
    """A program's loss; on PyTorch and JAX its automatic gradient is the program's.

    Attributes
    ----------
    components : dict of arrays
        By the program's own names, as the program reports them.
    total : array, shape ()
        What the program calls backward on.
    """

    components: dict[str, Any]
    total: Array
