"""What the doctor finds and what it does not: `python -m tests.support.doctor_table [SEEDS]`."""

import sys
from collections import defaultdict

import yolo_losses as yl
from tests.support.ailments import CONFIGS, PLANTED, PLANTED_IN, good

SHAPES = ((8, 3), (4, 3), (1, 1), (2, 0), (0, 3))


def rows(seeds):
    """Of each planting: its name, and found of planted by version."""
    plantings = {(code,): (tuple(CONFIGS), plant) for code, plant in PLANTED.items()} | PLANTED_IN
    for name, (versions, plant) in plantings.items():
        found = {
            version: sum(
                name[0] in {f.code for f in yl.doctor(*plant(*good(version, seed, n=8)))}
                for seed in range(seeds)
            )
            for version in versions
        }
        yield ": ".join(name), found


def false_alarms(seeds):
    """Findings of any kind in good batches by version, and how many batches."""
    batches = [(seed, *shape) for seed in range(seeds) for shape in SHAPES]
    alarms = {v: sum(len(yl.doctor(*good(v, *batch))) > 0 for batch in batches) for v in CONFIGS}
    return alarms, len(batches)


def line(*cells):
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    seeds = int(sys.argv[1]) if sys.argv[1:] else 20
    print(line("planted", *CONFIGS), line("---", *["---:"] * len(CONFIGS)), sep="\n")
    alike = defaultdict(list)
    for name, found in rows(seeds):
        cells = (f"{found[v]} of {seeds}" if v in found else "" for v in CONFIGS)
        alike[tuple(cells)].append(name)
    for cells, names in alike.items():
        print(line(", ".join(names), *cells))
    alarms, num = false_alarms(seeds)
    print(line("good, with a finding", *(f"{alarms[v]} of {num}" for v in CONFIGS)))
