"""The command: a line a law and version."""

import argparse
import warnings

from . import LAWS, Law, tried


def main() -> None:
    """Exit code 1 where a law fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.laws", description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="batches of a law and version")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--law", action="append", help="its name; without it all are tried")
    options, failed, drawn = parser.parse_args(), False, 0
    warnings.simplefilter("error")
    for law in LAWS:
        if not options.law or law.name in options.law:
            for version in law.versions:
                try:
                    examples, said = _said(law, version, options)
                    drawn += examples
                except Exception as error:
                    said, failed = f"FAILS: {type(error).__name__} {str(error)[:300]}", True
                print(f"{law.name} {version}: {said}", flush=True)
    print(f"{drawn} batches in all")
    raise SystemExit(failed)


def _said(law: Law, version: str, options: argparse.Namespace) -> tuple[int, str]:
    found = tried(law, version, options.examples, options.seed)
    double, single = (f"{found.errors[k]:.1e}" for k in (8, 4))
    about = f"{found.examples} batches, of {found.spoke} the law speaks"
    return found.examples, f"{about}; worst error {double} in float64, {single} in float32"


if __name__ == "__main__":
    main()
