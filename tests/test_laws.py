"""Laws on batches that hypothesis draws: `python -m tests.support.laws` tries many more."""

import numpy as np
import pytest
from hypothesis import Phase

from tests.support import differential
from tests.support.cases import PLAIN
from tests.support.laws import LAWS, called, faults, tried
from tests.support.laws.law import gap

EXAMPLES = 12  # of each law and version
PAIRS = [(law, version) for law in LAWS for version in law.versions]


def name(value):
    return getattr(value, "name", value)


@pytest.mark.parametrize(("law", "version"), PAIRS, ids=name)
def test_laws_hold(law, version):
    """And call the functions that they say they call."""
    with called.calls() as functions:
        found = tried(law, version, EXAMPLES)
    assert found.examples == EXAMPLES
    assert found.spoke
    assert functions == law.functions(version)


def test_every_function_has_a_law():
    of_laws = set().union(*(law.functions(version) for law, version in PAIRS))
    assert called.held() <= of_laws
    assert len(called.held()) > 50


def test_enough_is_drawn():
    assert EXAMPLES * len(PAIRS) >= 500


def test_every_law_has_a_fault():
    assert {fault.law for fault in faults.FAULTS} == set(LAWS)


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.law.name)
def test_what_is_wrong_breaks_a_law(fault, monkeypatch):
    fault.plant(monkeypatch)
    with pytest.raises(AssertionError):
        tried(fault.law, fault.version, 60, phases=[Phase.generate])


def test_ulps():
    x = np.array([1.0, 3.0, 0.0])
    assert differential.ulps(np.nextafter(x, 9), x).tolist() == [1, 1, 1]


@pytest.mark.parametrize("case", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("library", differential.EAGER)
def test_terms_are_a_few_ulps_apart(library, case):
    for name, found in differential.distances(library, case).items():
        assert found.max() <= 32, name


def test_small_numbers_are_seen_beside_large_ones():
    """Of another image or head, and of another field of a gradient."""
    terms, grads = np.array([[1e8, 1.0]]), np.full((1, 2, 2, 1, 6), 1.0)
    grads[..., 2] = 1e8
    assert gap((terms + [[0, 1e-6]],), (terms,)) > 9e-7
    other = grads.copy()
    other[0, 1, 0, 0, 4] += 1e-6
    assert gap((other,), (grads,)) > 9e-7
    assert np.isnan(gap((terms, other * np.nan), (terms, grads)))
