"""Memory of a call stays a small multiple of the objectness planes, however many truths there are."""

import numpy as np
import pytest

from yolo_losses.bench import problems
from yolo_losses.bench.problems import CONFIGURATIONS, Problem
from yolo_losses.bench.ways.numpy import NumPy

on = pytest.mark.parametrize
LIMIT = 16  # of planes in the compute dtype: the goal of the benchmark
PYRAMIDS, RULES = on("version", ["v3", "v4"]), on("rule", [*problems.RULES, None])
TRUTHS, BATCH = on("truths", [20, 100, 300]), on("batch", [2, 8])
WAY = NumPy(threads=1)


def planes(problem, taken):
    """Bytes in multiples of one float32 for each predictor."""
    return taken / (problems.predictors(problem) * np.dtype(np.float32).itemsize)


def configuration_a(version, truths, rule, batch=8):
    """With fewer images, too: what truths need is then more of the planes."""
    return Problem(version, "A", batch, CONFIGURATIONS["A"].size, truths, rule)


@PYRAMIDS
@RULES
@TRUTHS
@BATCH
def test_beyond_the_gradient(version, rule, truths, batch):
    """The larger of what `loss` holds, and of what `loss_and_grad` holds beside the gradient."""
    problem = configuration_a(version, truths, rule, batch)
    assert 1 < planes(problem, WAY.memory(WAY.data(problem), {})) <= LIMIT


@PYRAMIDS
@RULES
@BATCH
def test_with_a_workspace(version, rule, batch):
    """No gradient is made."""
    problem = configuration_a(version, 300, rule, batch)
    call = WAY.workspace(WAY.data(problem))
    assert 1 < planes(problem, WAY.peak(call.run)) <= LIMIT


@PYRAMIDS
def test_what_is_measured_is_seen(version):
    """The gradient itself is 85 planes, and a plane for each truth would be 300."""
    problem = configuration_a(version, 300, "shape")
    data = WAY.data(problem)
    assert planes(problem, WAY.peak(WAY.loss_and_grad(data).run)) > 85
    per_truth = lambda: np.zeros((data.problem.truths, problems.predictors(problem)), "f4")  # noqa: E731
    assert planes(problem, WAY.peak(per_truth)) >= 300
