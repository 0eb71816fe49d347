"""Elementary functions, each with its slope beside its value.

A formula written with these and with operators works on arrays, where it gives the value (and
torch or JAX may differentiate it), and on `Dual` numbers, where it gives the value together with
its exact slope, on every library.
"""

import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from ._xp import Array, adapter, arange, constant, namespace, number

Slope = Any  # None: a constant. ONE: a raw output itself. Otherwise an array.
ONE = 1.0
F = TypeVar("F", bound=Callable[..., Any])


class Dual:
    """v + s·ε with ε² = 0: a value and its slope with respect to raw outputs.

    The slope has the shape of the value, or one axis more in front: an entry for each raw output
    that the value depends on. Operators take Duals and Python numbers.
    """

    __slots__ = ("slope", "value")

    def __init__(self, value: Any, slope: Slope = None) -> None:
        self.value, self.slope = value, slope

    def __add__(self, other: Any) -> "Dual":
        other = _dual(other)
        return Dual(self.value + other.value, _plus(self.slope, other.slope))

    def __sub__(self, other: Any) -> "Dual":
        other = _dual(other)
        return Dual(self.value - other.value, _minus(self.slope, other.slope))

    def __mul__(self, other: Any) -> "Dual":
        other = _dual(other)
        left, right = _chain(self.slope, other.value), _chain(other.slope, self.value)
        return Dual(self.value * other.value, _plus(left, right))

    def __truediv__(self, divisor: float) -> "Dual":
        return Dual(self.value / divisor, _chain(self.slope, 1 / divisor))

    def __pow__(self, n: int) -> "Dual":
        return Dual(self.value**n, _chain(self.slope, n * self.value ** (n - 1)))

    def __neg__(self) -> "Dual":
        return Dual(-self.value, _chain(self.slope, -1.0))

    def __rsub__(self, other: Any) -> "Dual":
        return _dual(other) - self

    __radd__, __rmul__ = __add__, __mul__


def _dual(x: Any) -> Dual:
    return x if isinstance(x, Dual) else Dual(x)


def _plus(s: Slope, t: Slope) -> Slope:
    return t if s is None else s if t is None else s + t


def _minus(s: Slope, t: Slope) -> Slope:
    return s if t is None else -t if s is None else s - t


def _chain(outer: Slope, inner: Any) -> Slope:
    """The chain rule: outer · inner."""
    return None if outer is None else inner if outer is ONE else outer * inner


def elementary(*slopes: Callable[..., Any]) -> Callable[[F], F]:
    """Let a function of arrays take Duals: `slopes` are its partial derivatives.

    Each is a function of the arguments and the value y, in the order of the arguments. An argument
    without a slope is a constant.
    """

    def partials(varying: Sequence[bool], *values: Any) -> list[Any]:
        pairs = zip(slopes, varying, strict=False)
        return [slope(*values) if varies else None for slope, varies in pairs]

    return _register(partials)


def jointly(slopes: Callable[..., tuple[Any, ...]]) -> Callable[[F], F]:
    """`elementary` for partial derivatives that come from one computation, all at once."""
    return _register(lambda varying, *values: slopes(*values))


def _register(partials: Callable[..., Sequence[Any]]) -> Callable[[F], F]:
    def register(f: F) -> F:
        @wraps(f)
        def on_duals(*args: Any) -> Any:
            if not any(isinstance(a, Dual) for a in args):
                return f(*args)
            duals = [_dual(a) for a in args]
            values, outer = [d.value for d in duals], [d.slope for d in duals]
            y, total = f(*values), None
            if any(s is not None for s in outer):
                inner = partials([s is not None for s in outer], *values, y)
                for s, d in zip(outer, inner, strict=False):
                    total = _plus(total, _chain(s, d))
            return Dual(y, total)

        return on_duals  # type: ignore[return-value]

    return register


def value(x: Any) -> Any:
    """The value of a Dual; an array as it is."""
    return x.value if isinstance(x, Dual) else x


def stop(x: Any) -> Any:
    """The same value, constant for the gradient."""
    return Dual(x.value) if isinstance(x, Dual) else adapter(x).stop(x)


def pair(x: Any, y: Any) -> Any:
    """Two values of one shape on a new first axis, both with slopes or both constant."""
    if not isinstance(x, Dual):
        return namespace(x).stack([x, y], axis=0)
    both, slopes = pair(x.value, y.value), [x.slope, y.slope]
    if slopes[0] is None:
        return Dual(both)
    return Dual(both, namespace(both).stack(slopes, axis=1))


def parts(xy: Any) -> tuple[Any, Any]:
    """The inverse of `pair`."""
    if not isinstance(xy, Dual):
        return xy[0, ...], xy[1, ...]
    if xy.slope is None:
        return Dual(xy.value[0, ...]), Dual(xy.value[1, ...])
    return Dual(xy.value[0, ...], xy.slope[:, 0, ...]), Dual(xy.value[1, ...], xy.slope[:, 1, ...])


# Exponentials. Conditions are put so that a NaN passes through.

EXP_LIMIT = 20.0


def _clip(x: Array, low: float, high: float) -> Array:
    """x limited to low … high, slope 1 there and 0 outside."""
    xp = namespace(x)
    x = xp.where(x > high, high, x)
    return xp.where(x < low, low, x)


@elementary(lambda t, y: y * number(namespace(t).abs(t) <= EXP_LIMIT, t.dtype))
def exp(t: Any) -> Any:
    """e^t at clip(t, −20, 20), slope 0 outside."""
    return namespace(t).exp(_clip(t, -EXP_LIMIT, EXP_LIMIT))


def _overflow(t: Array) -> Array:
    """Where e^t is still finite, and log(1 + e^t) has long been t."""
    return constant(0.98 * math.log(float(namespace(t).finfo(t.dtype).max)), t)


def _exp_minus(t: Array) -> Array:
    """e^−t, finite, so that σ(t) = 1 / (1 + e^−t) and σ(−t) = e^−t σ(t)."""
    xp = namespace(t)
    return xp.exp(-xp.maximum(t, -_overflow(t)))


def _sigmoid(t: Array) -> Array:
    """σ(t) to full relative precision at both ends; 1 − σ(t) is σ(−t)."""
    return 1 / (1 + _exp_minus(t))


@elementary(lambda t, y: y * _sigmoid(-t))
def sigmoid(t: Any) -> Any:
    """σ(t) = 1 / (1 + e^−t)."""
    return _sigmoid(t)


@elementary(lambda t, y: 0.5 * y * _sigmoid(-t))
def sqrt_sigmoid(t: Any) -> Any:
    """√σ(t) = exp(−½·softplus(−t))."""
    return namespace(t).exp(-0.5 * softplus(-t))


@elementary(lambda t, y: -namespace(t).expm1(-y))
def softplus(t: Any) -> Any:
    """log(1 + e^t) = −log(1 − σ(t)), slope σ(t); softplus(−t) = −log σ(t)."""
    xp = namespace(t)
    return xp.maximum(t, xp.log1p(xp.exp(xp.minimum(t, _overflow(t)))))


def _d_bce(c: Array, p: Array, y: Array) -> Array:
    """(1 − p) σ(c) − p σ(−c)."""
    e = _exp_minus(c)
    return (1 - p - p * e) / (1 + e)


@elementary(_d_bce)
def bce(c: Any, p: Any) -> Any:
    """−p log σ(c) − (1 − p) log(1 − σ(c)) from the logit c; p is constant, slope σ(c) − p.

    Written as a sum of terms ≥ 0, so that nothing cancels.
    """
    xp = namespace(c)
    above = xp.maximum(c, constant(0.0, c))
    log1p = xp.log1p(xp.exp(xp.minimum(c, -c)))
    return p * (above - c) + (1 - p) * above + log1p


@elementary()
def one_hot(label: Any, c: Any) -> Any:
    """p(c), 1 for the class of a label (...) and 0 for the others, like the logits c (..., K)."""
    return number(label[..., None] == arange(c.shape[-1], label), c.dtype)


def logit(p: Array) -> Array:
    """σ⁻¹(p) = log(p / (1 − p)); ∓∞ at 0 and 1."""
    xp = namespace(p)
    return xp.log(p) - xp.log1p(-p)


def _powers(c: Array) -> Array:
    """e^c over the largest of the last axis."""
    xp = namespace(c)
    return xp.exp(c - adapter(c).stop(xp.max(c, axis=-1, keepdims=True)))


def softmax(c: Array) -> Array:
    """e^c / Σ e^c over the last axis."""
    e = _powers(c)
    return e / namespace(c).sum(e, axis=-1, keepdims=True)


def at(v: Array, label: Array) -> Array:
    """The values (..., K) of labels (...)."""
    return namespace(v).take_along_axis(v, label[..., None], axis=-1)[..., 0]


def softmax_at(c: Array, label: Array) -> Array:
    """softmax(c) of labels."""
    e = _powers(c)
    return at(e, label) / namespace(c).sum(e, axis=-1)


def sigmoid_at(c: Array, label: Array) -> Array:
    """σ(c) of labels."""
    return sigmoid(at(c, label))


def _d_softmax_squared_error(c: Array, p: Array, y: Array) -> Array:
    p_hat = softmax(c)
    d = p_hat - p
    return 2 * p_hat * (d - namespace(c).sum(p_hat * d, axis=-1, keepdims=True))


@elementary(_d_softmax_squared_error)
def softmax_squared_error(c: Any, p: Any) -> Any:
    """(p − p̂)² for each class, p̂ = softmax(c); p is constant.

    Each p̂ depends on all logits: the slope is that of the sum over the last axis. What this is
    multiplied by has to be constant along that axis.
    """
    return (p - softmax(c)) ** 2


# Geometry.


def _less(a: Array, b: Array) -> Array:
    """1 where a < b, ½ at a tie, 0 elsewhere."""
    return namespace(a).where(a == b, 0.5, number(a < b, a.dtype))


@elementary(lambda a, b, y: _less(a, b), lambda a, b, y: _less(b, a))
def minimum(a: Any, b: Any) -> Any:
    """The smaller; a tie shares the slope ½–½."""
    return namespace(a).minimum(a, b)


@elementary(lambda a, b, y: _less(b, a), lambda a, b, y: _less(a, b))
def maximum(a: Any, b: Any) -> Any:
    """The larger; a tie shares the slope ½–½."""
    return namespace(a).maximum(a, b)


@elementary(lambda x, y: number(x > 0, x.dtype))
def positive(x: Any) -> Any:
    """max(x, 0) with slope 0 at 0."""
    return namespace(x).where(x <= 0, 0.0, x)


def _inverted(near: Array, far: Array) -> Array:
    return number(far < near, near.dtype)


@elementary(
    lambda near, far, y: 1 - 0.5 * _inverted(near, far),
    lambda near, far, y: 0.5 * _inverted(near, far),
)
def edge(near: Any, far: Any) -> Any:
    """The edge `near` of two, and the middle of both where `far` lies on its wrong side."""
    return namespace(near).where(far < near, (near + far) / 2, near)


@elementary()
def nonzero(x: Any) -> Any:
    """1, and 0 where x is 0; a constant for the gradient."""
    return number(x != 0, x.dtype)


def _over(a: Array, b: Array) -> Array:
    xp, empty = namespace(b), b == 0
    return xp.where(empty, 0.0, a / xp.where(empty, 1.0, b))


def _inverse(b: Array) -> Array:
    """1 / b for slopes, b ≥ 0: 0 where b is 0, finite where it is below the normal numbers."""
    xp = namespace(b)
    least = constant(float(xp.finfo(b.dtype).smallest_normal), b)
    return xp.where(b == 0, 0.0, 1 / xp.maximum(b, least))


def _d_ratio(a: Array, b: Array, y: Array) -> tuple[Array, Array]:
    inverse = _inverse(b)
    return inverse, -y * inverse


@jointly(_d_ratio)
def ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 with slope 0 where b is 0."""
    return _over(a, b)


def _d_atan_ratio(w: Array, h: Array, y: Array) -> tuple[Array, Array]:
    """h / (w² + h²) along w and −w / (w² + h²) along h, without the squares."""
    xp, wide = namespace(w), w > h
    large = xp.maximum(w, h)
    q = _over(xp.minimum(w, h), large)
    steep = _inverse(large) / (1 + q * q)
    flat = q * steep
    return xp.where(wide, flat, steep), -xp.where(wide, steep, flat)


@jointly(_d_atan_ratio)
def atan_ratio(w: Any, h: Any) -> Any:
    """atan(w / h) for w, h ≥ 0; 0 where both are 0."""
    xp = namespace(w)
    safe = xp.where((w == 0) & (h == 0), 1.0, h)  # libraries disagree on the slopes at 0, 0
    return xp.atan2(w, safe)
