"""dask.array: the loss of a set of images that is larger than memory.

Run it by `python -m conformance.distributed.dask_chunks`.

Raw outputs and truths are dask arrays in chunks of images: here each chunk is drawn when it is
asked for, where a real set would be read from files. `yl.v3.loss` of them is the ordinary call
and computes nothing yet. Every image is by itself, so dask finishes a chunk and drops it before
it begins the next. To show that, the process denies itself the memory that the whole set takes.
"""

import resource
import sys
from functools import partial
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np

import yolo_losses as yl
from conformance.distributed.batch import draw_truths

CONFIG, CLASSES = yl.v3.Config.coco(), 80
IMAGES, CHUNK = 512, 32
MEMORY, TOLERANCE = 2**30, 1e-10  # bytes, and of a float64

compute = partial(dask.compute, scheduler="synchronous")  # "threads": a chunk for each of them


def draw_head(size: int, block_id: tuple[int, ...]) -> np.ndarray:
    """One chunk of the raw outputs of a head, always the same."""
    rng = np.random.default_rng([size, block_id[0]])
    return rng.uniform(-2, 2, size=(CHUNK, size, size, 3, 5 + CLASSES))


def data_set() -> tuple[tuple[da.Array, ...], yl.Targets]:
    """The raw outputs of three heads, none of them drawn yet, and the truths."""
    images = (CHUNK,) * (IMAGES // CHUNK)
    chunks = ((images, s, s, 3, 5 + CLASSES) for s in (13, 26, 52))
    empty = np.empty((0,) * 5)
    heads = (da.map_blocks(draw_head, c[1], chunks=c, meta=empty) for c in chunks)
    truths = draw_truths(np.random.default_rng(0), IMAGES, CLASSES)
    return tuple(heads), yl.Targets(*(da.from_array(v, (CHUNK, *v.shape[1:])) for v in truths))


def limit_memory(more: int) -> None:
    """From now on this process gets `more` bytes beyond what it has, then a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def difference(terms: yl.LossTerms, heads: Any, targets: yl.Targets, images: slice) -> float:
    """The largest from what NumPy gives for some of the images."""
    raw, there = compute(tuple(h[images] for h in heads), yl.Targets(*(v[images] for v in targets)))
    want = yl.v3.loss(raw, there, CONFIG)
    return float(np.max([np.abs(t[images] - w) for t, w in zip(terms, want, strict=True)]))


def main() -> None:
    """Evaluate the set in less memory than it takes; exit with 1 if NumPy differs."""
    heads, targets = data_set()
    size = sum(head.nbytes for head in heads)
    limit_memory(MEMORY)
    print(f"{IMAGES} images, raw outputs of {size / 1e9:.1f} GB in {MEMORY / 1e9:.1f} GB of memory")
    (terms,) = compute(yl.v3.loss(heads, targets, CONFIG))
    print(f"mean loss {terms.total.mean():.6f}, evaluated by {CHUNK} images")
    ends = slice(None, CHUNK), slice(-CHUNK, None)
    found = [difference(terms, heads, targets, images) for images in ends]
    print("largest difference from NumPy, first and last chunk: {:.1e}, {:.1e}".format(*found))
    if not all(each < TOLERANCE for each in found):
        sys.exit("the chunks do not give what NumPy gives")


if __name__ == "__main__":
    main()
