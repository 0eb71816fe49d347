"""What holds for every batch, whatever its options: laws that need no expected values.

    python -m tests.support.laws --examples 1000

tries each law on so many batches of each version and prints the worst error.
"""

from . import accounts, files, libraries, order, outputs, overlaps, pictures, slopes, values
from .law import LAWS, Law, Tried, law, tried

__all__ = [
    "LAWS", "Law", "Tried", "accounts", "files", "law", "libraries", "order", "outputs",
    "overlaps", "pictures", "slopes", "tried", "values",
]  # fmt: skip
