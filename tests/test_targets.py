"""pad_targets: lists of boxes and labels to padded arrays, looked at on the host."""

import re
import warnings

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import JAX, Strict, Torch

on = pytest.mark.parametrize
INF, NAN = float("inf"), float("nan")
GOOD, OTHER = [0.5, 0.25, 0.5, 0.125], [0.0, 1.0, 1.0, 1e-6]


def with_value(k, value):
    """A good box with another number in one place."""
    return [*GOOD[:k], value, *GOOD[k + 1 :]]


def refuses(kind, *words):
    """An error of this function that holds these words in this order."""
    return pytest.raises(kind, match=r"(?s)^pad_targets: .*" + ".*".join(map(re.escape, words)))


# What comes out.


def test_images_are_padded_to_the_longest():
    boxes, labels, valid = yl.pad_targets([[GOOD], [OTHER, GOOD, OTHER], []], [[3], [0, 1, 2], []])
    assert boxes.shape == (3, 3, 4)
    np.testing.assert_array_equal(valid, [[True, False, False], [True] * 3, [False] * 3])
    np.testing.assert_array_equal(boxes[valid], [GOOD, OTHER, GOOD, OTHER])
    np.testing.assert_array_equal(labels[valid], [3, 0, 1, 2])
    assert (boxes.dtype, labels.dtype, valid.dtype) == ("float64", "int64", "bool")


def test_the_result_is_a_targets():
    targets = yl.pad_targets([[GOOD]], [[0]])
    assert isinstance(targets, yl.Targets)
    assert targets._fields == ("boxes", "labels", "valid")


@on(
    "empty",
    [[], (), np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4), dtype=np.float32)],
    ids=["list", "tuple", "(0, 4)", "(0,)", "float32"],
)
def test_an_image_without_objects(empty):
    for labels in ([], np.zeros(0, dtype=int), np.zeros(0)):
        targets = yl.pad_targets([empty, [GOOD], empty], [labels, [1], labels])
        np.testing.assert_array_equal(targets.valid, [[False], [True], [False]])
        assert yl.pad_targets([empty], [labels]).boxes.shape == (1, 0, 4)


def test_no_images():
    targets = yl.pad_targets([], [])
    assert [x.shape for x in targets] == [(0, 0, 4), (0, 0), (0, 0)]
    assert [x.dtype for x in targets] == ["float64", "int64", "bool"]


@on(
    "array",
    [np.asarray, lambda x: np.asarray(x, dtype=np.float32), tuple, lambda x: [tuple(v) for v in x]],
    ids=["float64", "float32", "tuple", "tuples"],
)
def test_array_likes(array):
    targets = yl.pad_targets((array([GOOD, OTHER]),), (np.array([1, 2], dtype=np.uint8),))
    np.testing.assert_allclose(targets.boxes, [[GOOD, OTHER]], rtol=1e-7)
    np.testing.assert_array_equal(targets.labels, [[1, 2]])


def test_a_batch_that_is_padded_already():
    boxes = np.array([[GOOD, OTHER], [OTHER, GOOD]])
    targets = yl.pad_targets(boxes, np.array([[0, 1], [2, 3]]))
    np.testing.assert_array_equal(targets.boxes, boxes)
    assert targets.valid.all()
    targets.boxes[:] = 0  # not a view
    assert (boxes[0, 0] == GOOD).all()


def test_whole_numbers_are_labels_in_any_dtype():
    labels = yl.pad_targets([[GOOD] * 3], [[0.0, 7.0, 2**31 - 1]]).labels
    np.testing.assert_array_equal(labels, [[0, 7, 2**31 - 1]])


@on("box", [[0, 0, 1, 1], [1, 1, 1 + 1e-6, 1 + 1e-6], [-0.0, 0.5, 1e-7, 1e-7]], ids=str)
@on("on_invalid", ["raise", "drop"])
def test_limits_belong_to_the_good_values(box, on_invalid):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        targets = yl.pad_targets([[box]], [[0]], on_invalid=on_invalid)
    np.testing.assert_array_equal(targets.boxes, [[box]])


def usable(targets):
    """How many truths of an image take part in a loss, by an assignment that takes all."""
    raw = np.zeros((1, 1, 1, 1, 6), dtype=targets.boxes.dtype)
    return yl.v2.assign(raw, targets, yl.v2.Config(anchors=((8, 8),))).invalid[0] == 0


@pytest.mark.filterwarnings("ignore:pad_targets:UserWarning")
@on(
    ("box", "dtype"),
    [
        ([1.0, 1.0, 1 + 1e-6, 1 + 1e-6], "float32"),
        ([0.0, 0.0, 1e-37, 1e-37], "float32"),
        ([5e-324, 0.5, 5e-324, 1.0], "float64"),
        ([0.5, 0.5, 1e-46, 0.5], "float32"),
        ([1 + 5e-7, 0.5, 0.5, 0.5], "float64"),
        ([0.5, 1 + 5e-7, 0.5, 0.5], "float32"),
    ],
)
def test_what_is_taken_takes_part_in_the_loss(box, dtype):
    """A row that cannot be a truth is refused or dropped here, not silently later."""
    targets = yl.pad_targets([[box]], [[0]], on_invalid="drop", like=np.zeros(1, dtype=dtype))
    assert usable(targets)


# Rows that cannot be a truth.

ROWS = [
    *(
        (with_value(k, v), 0, ": a value is not finite, got")
        for k in range(4)
        for v in (NAN, INF, -INF)
    ),
    *(
        (with_value(k, -0.01), 0, ": a value is below 0: corner form, or pixels?, got")
        for k in range(4)
    ),
    *(
        (with_value(k, v), 0, ": a value is above 1: pixels? Boxes are fractions, got")
        for k in range(4)
        for v in (1 + 2e-6, 416.0)
    ),
    *((with_value(k, 0.0), 0, "a width or height is 0") for k in (2, 3)),
    *((GOOD, label, "a class must be an integer ≥ 0") for label in (-1, 0.5, NAN, INF, -INF)),
]
EACH_ROW = on(("box", "label", "fault"), ROWS, ids=[f"{b}-{c}" for b, c, _ in ROWS])


@EACH_ROW
def test_raise_names_image_row_and_value(box, label, fault):
    got = f"got {label}" if box == GOOD else f"= {box}"
    with refuses(ValueError, "image 2, row 1", fault, got.removeprefix("got ")):
        yl.pad_targets([[GOOD], [], [GOOD, box, GOOD]], [[0], [], [1, label, 2]])


@EACH_ROW
def test_drop_leaves_the_row_out_and_names_it(box, label, fault):
    with pytest.warns(UserWarning, match="^pad_targets: dropped") as caught:
        targets = yl.pad_targets(
            [[GOOD], [], [GOOD, box, OTHER]], [[0], [], [1, label, 2]], on_invalid="drop"
        )
    np.testing.assert_array_equal(targets.boxes[targets.valid], [GOOD, GOOD, OTHER])
    np.testing.assert_array_equal(targets.labels[targets.valid], [0, 1, 2])
    np.testing.assert_array_equal(targets.valid, [[True, False], [False] * 2, [True, True]])
    (warning,) = caught
    assert warning.filename == __file__
    assert re.match(r"pad_targets: dropped 1 rows?: image 2, row 1: ", str(warning.message))
    assert fault in str(warning.message)


def test_a_value_that_float32_cannot_hold():
    with refuses(ValueError, "row 0: a value is not finite, got"):
        yl.pad_targets([[with_value(2, 1e300)]], [[0]], like=np.zeros(1, "float32"))


def test_a_value_that_float32_cannot_hold_takes_no_part():
    targets = yl.Targets(
        np.array([[with_value(2, 1e300)]]), np.zeros((1, 1), int), np.full((1, 1), True)
    )
    found = yl.v2.assign(np.zeros((1, 4, 4, 1, 6), "float32"), targets, yl.v2.Config([(8, 8)]))
    assert found.invalid == 1
    assert (found.row, found.col) == (2, 2)  # where no truth is: the middle


@on("rounded", [1 + 5e-7, 1 + 1e-6])
def test_a_centre_that_was_rounded_up_is_put_on_1(rounded):
    boxes = yl.pad_targets([[(rounded, rounded, 0.5, 0.25)]], [[0]]).boxes
    np.testing.assert_array_equal(boxes, [[[1, 1, 0.5, 0.25]]])


def test_raise_tells_of_the_first():
    with refuses(ValueError, "image 0, row 1: a class"):
        yl.pad_targets([[GOOD, GOOD], [with_value(0, NAN)]], [[0, -1], [0]])


def test_drop_tells_of_all():
    with pytest.warns(UserWarning, match="^pad_targets: dropped") as caught:
        targets = yl.pad_targets(
            [[with_value(0, NAN), GOOD], [with_value(2, 0.0)], [GOOD, GOOD, GOOD]],
            [[0, 1], [0], [-1, -2, -3]],
            on_invalid="drop",
        )
    (warning,) = caught
    places = re.findall(r"image \d, row \d", str(warning.message))
    want = ["image 0, row 0", "image 1, row 0", *(f"image 2, row {t}" for t in range(3))]
    assert places == want
    assert "dropped 5 rows" in str(warning.message)
    assert re.search(r"0\.125\]; image 1, row 0: a width or height is 0, ", str(warning.message))
    np.testing.assert_array_equal(targets.valid, [[True], [False], [False]])


def test_drop_is_silent_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yl.pad_targets([[GOOD], []], [[0], []], on_invalid="drop")


@on("label", [2**31, 2**40, 1e300])
def test_a_class_that_no_integer_holds(label):
    with refuses(ValueError, "image 0, row 0: a class must be an integer", repr(label)):
        yl.pad_targets([[GOOD]], [[label]])


@on("labels", [[True], np.array([False])], ids=str)
def test_a_bool_is_no_class(labels):
    with refuses((TypeError, ValueError), "labels_per_image[0]", "bool"):
        yl.pad_targets([[GOOD]], [labels])


# Lists that do not fit. "drop" is for values: it does not mend shapes.

STRUCTURES = {
    "labels missing": ([[GOOD]], [], "labels_per_image must", "1 images, got 0"),
    "labels of more images": ([[GOOD]], [[0], []], "labels_per_image must", "1 images, got 2"),
    "one box without its list": ([GOOD], [[0]], "boxes_per_image[0] must", "(M, 4), got (4,)"),
    "five numbers": ([[], [[*GOOD, 1]]], [[], [0]], "boxes_per_image[1] must", "got (1, 5)"),
    "rank 3": ([[[GOOD]]], [[0]], "boxes_per_image[0] must", "got (1, 1, 4)"),
    "a class too few": (
        [[GOOD] * 2],
        [[0]],
        "labels_per_image[0] must have shape (2,), a class for",
        "got (1,)",
    ),
    "a class too many": ([[GOOD]], [[0, 1]], "labels_per_image[0] must", "shape (1,)", "got (2,)"),
    "classes of nothing": ([[]], [[0]], "labels_per_image[0] must", "shape (0,)", "got (1,)"),
    "no classes": ([[GOOD]], [[]], "labels_per_image[0] must", "shape (1,)", "got (0,)"),
    "one class": ([[GOOD]], [0], "labels_per_image[0] must", "shape (1,)", "got ()"),
    "one-hot": ([[GOOD]], [[[0, 1]]], "labels_per_image[0] must", "shape (1,)", "got (1, 2)"),
}


@on("on_invalid", ["raise", "drop"])
@on("fault", list(STRUCTURES))
def test_lists_that_do_not_fit(fault, on_invalid):
    boxes, labels, *words = STRUCTURES[fault]
    with refuses(ValueError, *words):
        yl.pad_targets(boxes, labels, on_invalid=on_invalid)


@on("labels", [["cat"], [1j], [None], [2**70]], ids=str)
def test_labels_of_another_kind(labels):
    with refuses(TypeError, "labels_per_image[1] must hold integers, got "):
        yl.pad_targets([[], [GOOD]], [[], labels])


@on("bad", [None, 3, iter([])], ids=["None", "number", "iterator"])
def test_no_sequence_of_images(bad):
    with refuses(TypeError, "boxes_per_image must", f"got {type(bad).__name__}"):
        yl.pad_targets(bad, [])
    with refuses(TypeError, "labels_per_image must", f"got {type(bad).__name__}"):
        yl.pad_targets([], bad)


NO_NUMBERS = {
    "None": None,
    "text": "abcd",
    "words": [["a"] * 4],
    "ragged": [GOOD, GOOD[:2]],
    "complex": [[1j] * 4],
}


@on("fault", list(NO_NUMBERS))
def test_boxes_that_are_no_numbers(fault):
    with refuses((TypeError, ValueError), "boxes_per_image[1] must have shape (M, 4)"):
        yl.pad_targets([[], NO_NUMBERS[fault]], [[], [0]])


def test_ragged_labels():
    with refuses((TypeError, ValueError), "labels_per_image[0] must"):
        yl.pad_targets([[GOOD] * 2], [[[0], [1, 2]]])


@on("shape", [(0, 7), (5, 0), (0, 4, 4)], ids=str)
def test_empty_arrays_of_another_shape(shape):
    with refuses(ValueError, "boxes_per_image[0] must", "(M, 4)", str(shape)):
        yl.pad_targets([np.zeros(shape)], [[]])


@on("bad", ["ignore", "Drop", None, True, ["drop"]], ids=str)
def test_on_invalid_that_does_not_exist(bad):
    with refuses(ValueError, "on_invalid must", "'raise', 'drop'", repr(bad)):
        yl.pad_targets([[GOOD]], [[0]], on_invalid=bad)


# Other libraries.


@on("library", [Strict, Torch, JAX])
@on("dtype", ["float32", "float64"])
def test_like_gives_library_and_dtype(library, dtype):
    lib = library()
    like = lib.array(np.zeros((2, 3), dtype=dtype))
    targets = yl.pad_targets([[GOOD], [], [OTHER, GOOD]], [[3], [], [1, 2]], like=like)
    assert {type(x) for x in targets} == {type(like)}
    assert targets.boxes.dtype == like.dtype
    on_host = yl.Targets(*map(lib.host, targets))
    np.testing.assert_allclose(on_host.boxes[on_host.valid], [GOOD, OTHER, GOOD], rtol=1e-6)
    np.testing.assert_array_equal(on_host.labels, [[3, 0], [0, 0], [1, 2]])
    assert (on_host.labels.dtype.kind, on_host.valid.dtype) == ("i", "bool")


@on("library", [Strict, Torch, JAX])
@on("images", [0, 2])
def test_like_without_a_truth(library, images):
    like = library().array(np.zeros(1, dtype="float32"))
    targets = yl.pad_targets([[]] * images, [[]] * images, like=like)
    assert [tuple(x.shape) for x in targets] == [(images, 0, 4), (images, 0), (images, 0)]
    assert {type(x) for x in targets} == {type(like)}


@on("dtype", ["float16", "bfloat16"])
def test_like_in_half_precision_is_computed_in_float32(dtype):
    torch, jnp = pytest.importorskip("torch"), pytest.importorskip("jax.numpy")
    for like in (torch.zeros(1, dtype=getattr(torch, dtype)), jnp.zeros(1, dtype=dtype)):
        boxes = yl.pad_targets([[GOOD]], [[0]], like=like).boxes
        assert str(boxes.dtype).removeprefix("torch.") == "float32"


def test_like_gives_the_device():
    torch, xp = pytest.importorskip("torch"), Strict().xp
    device = xp.Device("device1")
    for like in (torch.zeros(1, device="meta"), xp.zeros(1, device=device)):
        targets = yl.pad_targets([[GOOD]], [[0]], like=like)
        assert {x.device for x in targets} == {like.device}


def test_like_that_needs_a_gradient_gives_constants():
    torch = pytest.importorskip("torch")
    targets = yl.pad_targets([[GOOD]], [[0]], like=torch.zeros(1, requires_grad=True))
    assert not any(x.requires_grad for x in targets)


def test_truths_of_torch_are_constants():
    torch = pytest.importorskip("torch")
    boxes = torch.tensor([[GOOD]], requires_grad=True)
    targets = yl.Targets(boxes, torch.zeros(1, 1, dtype=torch.int64), torch.ones(1, 1) > 0)
    raw = torch.ones(1, 4, 4, 1, 6, requires_grad=True)
    yl.v2.loss(raw, targets, yl.v2.Config([(8, 8)])).total.sum().backward()
    assert raw.grad.any()
    assert boxes.grad is None


@on("bad", ["torch", [1.0], np, 3.0, np.zeros(1, dtype=int), np.zeros(1, dtype=bool)], ids=repr)
def test_like_that_is_no_floating_array(bad):
    with refuses(TypeError, "like must", "got "):
        yl.pad_targets([[GOOD]], [[0]], like=bad)


@on("library", [Strict, Torch, JAX])
def test_lists_of_arrays_of_other_libraries(library):
    lib = library()
    boxes = [lib.array(np.array([GOOD])), lib.array(np.zeros((0, 4)))]
    labels = [lib.array(np.array([3])), lib.array(np.zeros(0, dtype=int))]
    targets = yl.pad_targets(boxes, labels)
    np.testing.assert_array_equal(targets.boxes, [[GOOD], [[0] * 4]])
    np.testing.assert_array_equal(targets.labels, [[3], [0]])


@on("option", [{"requires_grad": True}, {"device": "meta"}, {"dtype": "bfloat16"}], ids=str)
def test_tensors_that_numpy_cannot_read(option):
    """Taken where the values can be had, else refused by name."""
    torch = pytest.importorskip("torch")
    option = {k: torch.bfloat16 if k == "dtype" else v for k, v in option.items()}
    boxes = [torch.tensor([GOOD], **option)]
    if option.get("device") == "meta":
        with refuses((TypeError, ValueError), "boxes_per_image[0] must"):
            yl.pad_targets(boxes, [[0]])
    else:
        np.testing.assert_array_equal(yl.pad_targets(boxes, [[0]]).boxes, [[GOOD]])
