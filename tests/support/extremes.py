"""Loss and gradient at extreme sizes, one at a time: right, linear in cells, in bounded memory.

`python -m tests.support.extremes [--library numpy] [--part 1]` prints a table; PART divides grids,
truths, images and classes. Each case runs in a process of its own. Time is processor time, the least of
three runs. Memory is the peak beyond inputs and one gradient; imports of a library, some 10 MB (JAX
90), are in it. What is right is said by the same in float64, image by image: totals, and slopes, of
which those are counted that are off by more than OFF of the largest of their image.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import yolo_losses as yl

ANCHORS = tuple((8.0 + 6 * k, 10.0 + 5 * k) for k in range(12))


class Extreme(NamedTuple):
    """A problem of one head; boxes are `least` to `most` of the image wide."""

    name: str
    version: str = "v3"
    images: int = 1
    grid: int = 64
    anchors: int = 3
    classes: int = 20
    truths: int = 20
    rule: str | None = "prior"
    least: float = 0.02
    most: float = 0.4

    @property
    def planes(self) -> int:
        """Bytes of the objectness of all predictors, float32."""
        return 4 * self.images * self.grid**2 * self.anchors

    def smaller(self, part: int) -> "Extreme":
        """The same with sizes divided, the grid by the root."""
        return self._replace(
            images=max(1, self.images // part),
            grid=max(8, int(self.grid / part**0.5)),
            classes=max(1, self.classes // part),
            truths=max(20, self.truths // part),
        )


EXTREMES = (
    Extreme("usual"),
    Extreme("grid 512", grid=512),
    Extreme("grid 512, by prediction", version="v4", grid=512, rule="prediction"),
    Extreme("2000 truths", truths=2000),
    Extreme("2000 truths, by prediction", truths=2000, rule="prediction"),
    Extreme("2000 large truths, by prediction", truths=2000, rule="prediction", least=0.3, most=0.9),
    Extreme("2000 truths, v4", version="v4", truths=2000, rule="prediction"),
    Extreme("2000 truths, v1", version="v1", anchors=2, truths=2000, rule=None),
    Extreme("256 images", images=256, grid=32),
    Extreme("12 anchors", anchors=12),
    Extreme("one class", classes=1),
    Extreme("10,000 classes", grid=32, classes=10_000),
    Extreme("10,000 classes, v2", version="v2", grid=32, classes=10_000, rule=None),
    Extreme("2 GB of raw outputs, v2", version="v2", images=8, grid=128, anchors=5, classes=800, rule=None),
)  # fmt: skip


def config_of(case: Extreme) -> Any:
    """The config of its version."""
    anchors = ANCHORS[: case.anchors]
    pyramid = (anchors, [tuple(range(case.anchors))], [8])
    return {
        "v1": lambda: yl.v1.Config(num_boxes=case.anchors),
        "v2": lambda: yl.v2.Config(anchors, stride=8),
        "v3": lambda: yl.v3.Config(*pyramid, ignore_by=case.rule),
        "v4": lambda: yl.v4.Config(*pyramid, [1.05], ignore_by=case.rule),
    }[case.version]()


def problem(case: Extreme) -> tuple[np.ndarray, yl.Targets]:
    """Raw outputs and targets, float32."""
    rng, (n, t) = np.random.default_rng(0), (case.images, case.truths)
    cells, fields = (n, case.grid, case.grid), 5 + case.classes
    shape = (
        (*cells, case.anchors * 5 + case.classes)
        if case.version == "v1"
        else (*cells, case.anchors, fields)
    )
    raw = rng.standard_normal(size=shape, dtype=np.float32)
    sizes = np.exp(rng.uniform(np.log(case.least), np.log(case.most), size=(n, t, 2)))
    boxes = np.concatenate([rng.uniform(size=(n, t, 2)), sizes], axis=-1).astype(np.float32)
    labels = rng.integers(0, case.classes, size=(n, t)).astype(np.int32)
    return raw, yl.Targets(boxes, labels, np.ones((n, t), dtype=bool))


def library(name: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """How a library reads an array, and how it calls a function."""
    if name == "jax":
        import jax

        return jax.numpy.asarray, lambda f: lambda *args: jax.block_until_ready(jax.jit(f)(*args))
    if name == "torch":
        import torch

        torch.set_num_threads(1)
        return torch.from_numpy, lambda f: f
    return lambda x: x, lambda f: f


OFF = 1e-4
FEW = 10  # of millions, where rounding decides whether a predictor is ignored


class Measured(NamedTuple):
    """What came of a case."""

    raw: int  # bytes
    seconds: float
    extra: int  # bytes
    error: float  # of the totals, relative to float64
    off: int  # slopes


def measure(case: Extreme, name: str, runs: int = 3) -> Measured:
    """One case on a library."""
    raw, targets = problem(case)
    read, compiled = library(name)
    f = compiled(lambda r, t: answer_of(case, r, t))
    there, gt, before = read(raw), yl.Targets(*map(read, targets)), peak()
    seconds = []
    for _ in range(runs):
        start, answer = time.process_time(), None
        answer = f(there, gt)
        seconds.append(time.process_time() - start)
    extra = max(0, peak() - before - raw.nbytes)
    return Measured(raw.nbytes, min(seconds), extra, *wrong(case, answer, raw, targets))


def answer_of(case: Extreme, raw: Any, targets: yl.Targets) -> tuple[Any, Any]:
    """The totals and the gradient."""
    module, config = getattr(yl, case.version), config_of(case)
    if case.version in ("v1", "v2"):
        terms, grad = module.loss_and_grad(raw, targets, config)
    else:
        terms, (grad,) = module.loss_and_grad((raw,), targets, config)
    return terms.total, grad


def wrong(case: Extreme, answer: Any, raw: np.ndarray, targets: yl.Targets) -> tuple[float, int]:
    """The error of the totals, and how many slopes are off."""
    totals, grad = (np.asarray(x) for x in answer)
    worst, off = 0.0, 0
    for n in range(case.images):
        image = raw[n : n + 1].astype(float), of_image(targets, n)
        (total,), want = answer_of(case, *image)
        worst = max(worst, abs(float(totals[n]) / total - 1))
        off += int((np.abs(grad[n] - want[0]) > OFF * np.abs(want).max()).sum())
    return worst, off


def of_image(targets: yl.Targets, n: int) -> yl.Targets:
    """One image's truths, float64 of the same numbers."""
    boxes, *others = (v[n : n + 1] for v in targets)
    return yl.Targets(boxes.astype(float), *others)


def peak() -> int:
    """The most memory that the process has held, bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Print the table; an error where a total is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", default="numpy", choices=["numpy", "torch", "jax"])
    parser.add_argument("--part", default=1, type=int)
    asked = parser.parse_args()
    for case in EXTREMES:
        case = case.smaller(asked.part)
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            found = alone.apply(measure, (case, asked.library))
        cells = case.planes // 4
        print(
            f"{case.name:34} {found.raw / 1e6:7.1f} MB {found.seconds * 1e3:8.1f} ms "
            f"{found.seconds / cells * 1e9:7.0f} ns a predictor  {found.extra / 1e6:6.0f} MB more "
            f"{found.error:.1e} {found.off} slopes off",
            flush=True,
        )
        assert found.error < 1e-5, case.name
        assert found.off <= FEW, case.name


if __name__ == "__main__":
    main()
