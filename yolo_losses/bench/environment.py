"""The environment of a worker: its memory allocator, its threads, its processors."""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from .ways import WAYS

# glibc gives large blocks back to the system at once and takes new ones with a page fault for each
# 4 KiB: a fresh gradient then costs several times its zeros. Found by experiment: raised
# thresholds alone are not enough. Threads with an arena of their own (XLA's) ignore TOP_PAD, and
# blocks beyond the largest threshold are mapped whatever it says; so no mapping, one arena.
WARM = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_MMAP_THRESHOLD_": str(16 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "MALLOC_TOP_PAD_": str(512 << 20),
}
ALLOCATORS = {"warm": WARM, "default": {}}

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PACKAGE = Path(__file__).parents[2]  # so that a worker finds the package that its parent runs


def has_glibc() -> bool:
    """Whether the settings of WARM have an effect."""
    return platform.libc_ver()[0] == "glibc"


def processors() -> list[int]:
    """The processors that this process may use; empty where the system does not say."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    return sorted(os.sched_getaffinity(0))


def pin(threads: int) -> None:
    """Keep this process on as many processors as it has threads."""
    if free := processors():
        os.sched_setaffinity(0, free[-threads:])


def variables(way: str, allocator: str, threads: int, cache: str = "") -> dict[str, str]:
    """All environment variables of a worker; `cache`: an empty folder for what is compiled."""
    kept = {name: value for name, value in os.environ.items() if name not in WARM}
    paths = [str(_PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **kept,
        **ALLOCATORS[allocator],
        **dict.fromkeys(_THREADS, str(threads)),
        **_of_xla(way, threads, kept),
        **(_nothing_compiled(cache) if cache else {}),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONIOENCODING": "utf-8",
    }


def _of_xla(way: str, threads: int, given: Mapping[str, str]) -> dict[str, str]:
    """What XLA reads."""
    flags = [given.get("XLA_FLAGS", "")]
    if threads == 1:
        flags += ["--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1"]
    out = {"XLA_FLAGS": " ".join(filter(None, flags))} if any(flags) else {}
    on_device = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return out | (on_device if WAYS[way].gpu else {"JAX_PLATFORMS": "cpu"})


def _nothing_compiled(cache: str) -> dict[str, str]:
    """Keep compilers from what they compiled before."""
    return {
        "TORCHINDUCTOR_CACHE_DIR": cache,
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
    }


def command() -> list[str]:
    """What starts a worker."""
    return [sys.executable, "-P", "-W", "ignore", "-m", "yolo_losses.bench.worker"]
