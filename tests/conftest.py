"""The fixture that runs a test on every library."""

from functools import cache

import pytest

from conformance.backends import BACKENDS


@cache
def _backend(name):
    return BACKENDS[name]()


@pytest.fixture(params=list(BACKENDS))
def xp(request):
    """A back end of `conformance.backends`; narrow with indirect parametrisation."""
    return _backend(request.param)


@pytest.fixture(params=["numpy"])
def numpy(request):
    return _backend(request.param)


@pytest.fixture
def threads():
    """torch.set_num_threads, undone after the test."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
