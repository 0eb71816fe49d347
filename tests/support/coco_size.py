"""Time and memory of a json of the size of COCO: `python -m tests.support.coco_size [PART]`."""

import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from yolo_losses.data import read_coco

IMAGES, BOXES = 118_000, 860_000


def write(path, part=1):
    """A json of 1/part of the size, with crowds and boxes without an area."""
    rng, num = random.Random(0), IMAGES // part
    images = [
        {"id": 3 * n, "file_name": f"{n:012}.jpg", "width": 640, "height": 480} for n in range(num)
    ]
    rows = [
        {
            "id": k, "image_id": 3 * rng.randrange(num), "category_id": 1 + rng.randrange(80),
            "bbox": [rng.uniform(0, 300), rng.uniform(0, 200), 0 if k % 1000 == 0 else rng.uniform(1, 300), 90.5],
            "iscrowd": int(k % 100 == 1), "area": 1.0,
            "segmentation": [[round(rng.uniform(0, 400), 2) for _ in range(20)]],
        }
        for k in range(BOXES // part)
    ]  # fmt: skip
    categories = [{"id": k, "name": f"c{k}"} for k in range(1, 81)]
    path.write_text(json.dumps({"images": images, "annotations": rows, "categories": categories}))


def peak():
    """Most memory of this process, kB; `ru_maxrss` would start at that of the parent."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1])


def read(path):
    """Seconds of the clock and of the processor to read and to pad all batches, and peak memory."""
    clocks = [(time.perf_counter(), time.process_time())]
    labels = read_coco(path)
    clocks.append((time.perf_counter(), time.process_time()))
    images = sum(len(batch.boxes) for batch in labels.batches(64))
    clocks.append((time.perf_counter(), time.process_time()))
    (a, d), (b, e), (c, f) = clocks
    memory = peak() / 2**20
    seconds = {
        "read": b - a,
        "read, processor": e - d,
        "batches": c - b,
        "batches, processor": f - e,
    }
    rounded = {key: round(x, 2) for key, x in {**seconds, "GB": memory}.items()}
    return {**labels.counts, **rounded, "images": images}


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        print(json.dumps(read(Path(sys.argv[2]))))
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "set.json")
            write(path, int(sys.argv[1]) if sys.argv[1:] else 1)
            print(f"{path.stat().st_size / 1e6:.0f} MB", flush=True)
            subprocess.run(
                [sys.executable, "-m", "tests.support.coco_size", "read", path], check=True
            )
