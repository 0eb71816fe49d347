"""Write the vectors: `python -m conformance.make`.

Every number of `conformance/cases` comes from here, and here from the oracle alone. A case whose
decisions are nearer to their thresholds than 2e-5 is refused, but where it is about that.
"""

import sys

from conformance import canonical, ledger, vectors
from conformance.firm import loose_ends


def main() -> int:
    """Write all files and the ledger of ids."""
    loose = [f"{name}/{ask.name}" for name in vectors.names() for ask in loose_ends(name)]
    if loose:
        print("decisions too near to call:", *loose, sep="\n  ")
        return 1
    built = {name: vectors.build(name) for name in vectors.names()}
    for name, data in built.items():
        path = vectors.FOLDER / f"{name}.json"
        path.write_text(canonical.dumps(data), encoding="utf-8")
        print(f"{path.name}: {len(data['cases'])} cases, {path.stat().st_size} bytes")
    ledger.update(built.values())
    print(f"{sum(len(data['cases']) for data in built.values())} cases in {len(built)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
