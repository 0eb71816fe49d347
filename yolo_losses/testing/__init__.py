"""The conformance vectors, for the test suite of any implementation.

    import pytest
    from yolo_losses.testing import assert_conforms, cases

    @pytest.mark.parametrize("case", cases("v3", "box"), ids=str)
    def test_box_term(case):
        assert_conforms(case, {"terms": {"box": my_box_term(case.raw, case.targets, case.config)}})

`cases` reads the files that ship with the package; `conformance/README.md` of the repository
describes them for every language. Expected values are exact to their last digit.
"""

from .judging import Judgement, judge
from .vectors import Case, cases, folder, version

__all__ = ["Case", "Judgement", "assert_conforms", "cases", "folder", "judge", "version"]


def assert_conforms(case: Case, got: object, dtype: str | None = None) -> None:
    """Fail where an implementation's results are not those of a case.

    Parameters
    ----------
    case : Case
    got : mapping, or what a function of `yolo_losses` returns
        Any of the results that the case has, as arrays of any library, lists or numbers:

        ==========  ===================================================================
        boxes       "boxes"
        similarity  "value", "slopes"; a number, or (number, slopes)
        decode      "boxes", "obj", "cls": an array, or a list of one a head
        assign      "responsible": masks (N, H, W, A), a list of one a head, or rows as in the
                    file; "positives", "collisions" (N, S), "invalid", "unassigned" (N,)
        ignore      "ignored": masks as above
        box … cls   "terms": {"box": (N, S)}; "grad", like the raw outputs
        loss        "terms", "total" (N,), "grad"
        ==========  ===================================================================
    dtype : "float64" or "float32"
        What was computed in; else the coarsest dtype of the results.

    Raises
    ------
    AssertionError
        The first result that differs: its place, both values, the error, what mistake the case
        catches.
    ValueError
        Nothing that the case has, or a shape that does not fit.
    """
    for judgement in judge(case, got, dtype):
        if judgement.failure:
            notes = "".join(f"\n  {flag}: {text}" for flag, text in case.notes.items())
            msg = f"{case.id}: {judgement.failure}\n  The case catches: {case.why}.{notes}"
            raise AssertionError(msg)
