"""What is taken for the gradient of a similarity: the rules of the regression experiment.

The rule `exact` is the gradient of the formulas of `yolo_losses.iou`. The program that the authors
of DIOU published for their simulation has gradients written by hand. They depart from the exact
ones in six points, `ERRORS`, which are all: with them the rule `authors` gives that program's
gradients to the last digits of float64, but for an ε of 1e-7 in α. Each error is a name of
`yolo_losses.iou` that means something else, so that it can be had alone or with any others:
"sign+doubled".

| error     | losses     | what is wrong                                                      |
|-----------|------------|--------------------------------------------------------------------|
| unclamped | giou       | the union of boxes that are apart lacks the product of two sides   |
|           |            | of the intersection that are not clamped at 0                      |
| doubled   | all        | slopes of areas along w, h lack the ½ of an edge                   |
| crossed   | diou, ciou | the enclosing width goes with y, h too, and the height with x, w   |
| covering  | diou, ciou | the enclosing side shrinks along w where the box is wider than the |
|           |            | target on both sides, and so along h                               |
| sign      | diou, ciou | the enclosing box has slopes of the wrong sign along x, y          |
| unscaled  | ciou       | ∇v lacks the factor 1/(w² + h²); the paper says so                 |

The rule `darknet` is what AlexeyAB's program has, `dialects.darknet_boxes.slopes`: doubled, sign
and unscaled as here, unclamped for `iou` and α of `ciou` too.

Source: github.com/Zzh-tju/DIoU, folder "simulation experiment", dIOU.m, dGIOU.m, dDIOU.m, dCIOU.m.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from .. import _check
from .._xp import Array, constant, namespace, number
from ..crosscheck.variant import Wrap, similarity, with_names
from ..dialects import darknet_boxes
from ..elementwise import Dual
from ..iou import Corners, centred

LOSSES = ("iou", "giou", "diou", "ciou")
Slopes: TypeAlias = Callable[[Array, Array], Array]  # of boxes (4, ...), x y w h on the first axis


class Error(NamedTuple):
    """A name of `iou`, what it means instead, and whose gradient that changes."""

    name: str
    wrap: Wrap
    losses: tuple[str, ...]


# Slopes (4, 2, ...) of pairs and (4, ...) of numbers stand along x, y, w, h.


def _times(x: Dual, factors: Any) -> Dual:
    """Slopes times factors for x, y, w, h; constants stay."""
    if x.slope is None:
        return x
    factors = constant(factors, x.value)
    return Dual(x.value, x.slope * factors[(...,) + (None,) * (x.slope.ndim - factors.ndim)])


def _unclamped(inter_union: Any) -> Any:
    names = inter_union.__globals__

    def unclamped(pred: Corners, gt: Corners) -> tuple[Any, Any]:
        inter, union = inter_union(pred, gt)
        common = names["_intersection"](pred, gt)
        return inter, union + inter - names["_area"](common._replace(size=common.far - common.near))

    return unclamped


def _doubled(area: Any) -> Any:
    return lambda box: _times(area(box), [1.0, 1.0, 2.0, 2.0])


def _steeper(atan_ratio: Any) -> Any:
    def steeper(w: Dual, h: Dual) -> Dual:
        angle: Dual = atan_ratio(w, h)
        if angle.slope is None:
            return angle
        return Dual(angle.value, angle.slope * (w.value**2 + h.value**2))

    return steeper


def _enclosing(change: Callable[[Dual, Corners, Corners], Dual]) -> Wrap:
    """`iou.distance` with other slopes of the edges of the enclosing box."""

    def wrap(distance: Any) -> Any:
        inner = distance.__globals__["_enclosure"]

        def enclosure(pred: Corners, gt: Corners) -> Corners:
            near, far, _ = inner(pred, gt)
            return Corners(change(near, pred, gt), change(far, pred, gt))

        return with_names(distance, _enclosure=enclosure)

    return wrap


def _crossed(edge: Dual, pred: Corners, gt: Corners) -> Dual:
    both = edge.slope[:, 0, ...] + edge.slope[:, 1, ...]
    return Dual(edge.value, namespace(both).stack([both, both], axis=1))


def _covering(edge: Dual, pred: Corners, gt: Corners) -> Dual:
    covers = (pred.near.value < gt.near.value) & (pred.far.value > gt.far.value)
    own = constant([[0, 0], [0, 0], [2, 0], [0, 2]], edge.value)  # width along w, height along h
    own = own[(...,) + (None,) * (edge.value.ndim - 1)]
    return Dual(edge.value, edge.slope * (1 - own * number(covers, edge.value.dtype)))


def _sign(edge: Dual, pred: Corners, gt: Corners) -> Dual:
    return _times(edge, [-1.0, -1.0, 1.0, 1.0])


_OF_DISTANCE = ("diou", "ciou")
ERRORS: dict[str, Error] = {  # in the order in which they meet
    "unclamped": Error("_inter_union", _unclamped, ("giou",)),
    "doubled": Error("_area", _doubled, LOSSES),
    "crossed": Error("distance", _enclosing(_crossed), _OF_DISTANCE),
    "covering": Error("distance", _enclosing(_covering), _OF_DISTANCE),
    "sign": Error("distance", _enclosing(_sign), _OF_DISTANCE),
    "unscaled": Error("atan_ratio", _steeper, ("ciou",)),
}


def _with(errors: Sequence[str], loss: str) -> Slopes:
    """The gradient of a similarity along x, y, w, h of the prediction, with errors."""
    patches = [(e.name, e.wrap) for name, e in ERRORS.items() if name in errors]
    formula = similarity(loss, patches)

    def slopes(pred: Array, gt: Array) -> Array:
        one = [[float(i == k) for i in range(4)] for k in range(4)]
        unit = namespace(pred).reshape(constant(one, pred), (4, 4) + (1,) * (pred.ndim - 1))
        seeded = (Dual(pred[k, ...], unit[k, ...]) for k in range(4))
        out = formula(centred(*seeded), centred(*(Dual(gt[k, ...]) for k in range(4))))
        return out.slope

    return slopes


def _of_darknet(loss: str) -> Slopes:
    def slopes(pred: Array, gt: Array) -> Array:
        xp = namespace(pred)
        pred, gt = (xp.moveaxis(x, 0, -1) for x in xp.broadcast_arrays(pred, gt))
        return xp.moveaxis(darknet_boxes.slopes(loss, pred, gt), -1, 0)

    return slopes


RULES: dict[str, Callable[[str], Slopes]] = {
    "exact": lambda loss: _with((), loss),
    "authors": lambda loss: _with(tuple(ERRORS), loss),
    "darknet": _of_darknet,
}


def slopes(loss: str, rule: str) -> Slopes:
    """What a rule takes for the gradient of a similarity.

    Parameters
    ----------
    loss : "iou", "giou", "diou" or "ciou"
    rule : str
        A key of `RULES`, or names of `ERRORS` joined by "+".

    Returns
    -------
    function of pred and gt to slopes
        Arrays (4, ...) of one library, x y w h on the first axis, w, h > 0, broadcast together but
        for the first axis; slopes along x, y, w, h of pred, upwards.

    Raises
    ------
    ValueError
        A loss or rule that does not exist.
    """
    where = "regression_rules.slopes"
    _check.choice(where, "loss", loss, LOSSES)
    if rule in RULES:
        return RULES[rule](loss)
    errors = rule.split("+")
    for name in errors:
        _check.choice(where, "rule", name, (*RULES, *ERRORS))
    return _with(errors, loss)


def applies(loss: str, rule: str) -> bool:
    """Whether every error that a rule is named for is one of this loss."""
    return rule in RULES or all(loss in ERRORS[name].losses for name in rule.split("+"))
