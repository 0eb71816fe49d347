"""Extreme sizes at a hundredth of their size; `python -m tests.support.extremes` runs them whole."""

import pytest

from tests.support.extremes import EXTREMES, Extreme, measure

on = pytest.mark.parametrize


@on("library", ["numpy", "torch"])
@on("case", EXTREMES, ids=lambda case: case.name)
def test_total_and_gradient_are_those_of_float64(case, library):
    found = measure(case.smaller(100), library, runs=1)
    assert found.error < 1e-5
    assert found.off == 0


@on("case", [EXTREMES[1], EXTREMES[4]], ids=lambda case: case.name)
def test_jax_counts_slots_in_32_bits(case):
    pytest.importorskip("jax")
    found = measure(case.smaller(100), "jax", runs=1)
    assert found.error < 1e-5
    assert found.off == 0


@on("rule", ["shape", "prior", "prediction"])
@on("version", ["v3", "v4"])
def test_time_is_linear_in_cells(version, rule):
    """Sixteen times the cells, at most 24 times the time."""
    small, large = (
        measure(Extreme("", version, grid=grid, rule=rule, least=0.02, most=0.1), "numpy", runs=5)
        for grid in (96, 384)
    )
    assert large.seconds < 24 * small.seconds


@on("version", ["v1", "v2", "v3", "v4"])
def test_time_is_no_worse_than_linear_in_truths(version):
    """Sixteen times the truths, at most 24 times the time."""
    few, many = (
        measure(Extreme("", version, anchors=2, truths=truths, rule=None), "numpy", runs=5)
        for truths in (125, 2000)
    )
    assert many.seconds < 24 * few.seconds
