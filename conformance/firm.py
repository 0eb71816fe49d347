"""Whether the decisions of a case are firm: the same when its numbers are moved a little."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance import vectors
from conformance.exact import Answer
from conformance.scenes.scene import Ask, Draw, Scene

NEAR = 2e-5  # float32 rounds an IOU by about 1e-6


def loose_ends(name: str) -> list[Ask]:
    """The cases of a file with a decision that is near to falling the other way."""
    return [ask for ask in vectors.asks(name) if isinstance(ask.inputs, Scene) and not firm(ask)]


def firm(ask: Ask) -> bool:
    """Whether all moved scenes decide alike, or nobody says so."""
    if not ask.firm:
        return True
    usual = Answer(ask.inputs, exact=False).decisions()
    return all(Answer(scene, exact=False).decisions() == usual for scene in moved(ask.inputs))


def moved(scene: Scene) -> Iterator[Scene]:
    """The scene with thresholds, truths, anchors and raw outputs moved."""
    for sign in (-1, 1):
        yield scene._replace(config=_thresholds(scene.config, sign * NEAR))
    for seed in range(3):
        draw = Draw(seed)
        yield scene._replace(
            truths=_jitter(scene.truths, draw),
            raw=_jitter(scene.raw, draw),
            config={**scene.config, **_anchors(scene.config, draw)},
        )


def _thresholds(config: Mapping[str, Any], by: float) -> dict[str, Any]:
    def near(name: str, x: Any) -> Any:
        threshold = name.endswith("_threshold") and x is not None
        return min(max(x + by, 0.0), 1.0) if threshold else x

    return {name: near(name, x) for name, x in config.items()}


def _anchors(config: Mapping[str, Any], draw: Draw) -> dict[str, Any]:
    return {"anchors": _jitter(config["anchors"], draw)} if "anchors" in config else {}


def _jitter(x: Any, draw: Draw) -> Any:
    if isinstance(x, list | tuple):
        return type(x)(_jitter(v, draw) for v in x)
    return x + NEAR * draw.logit(1.0) * max(abs(x), 0.05) if isinstance(x, float) else x
