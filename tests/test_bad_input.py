"""Bad input: an error that names the function, the argument, what it must be, and what came."""

import re
from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from conformance.backends import Strict, tree_map

on = pytest.mark.parametrize
INF, NAN = float("inf"), float("nan")

N, T, K = 2, 3, 4
ANCHORS, MASKS = ((6, 9), (14, 8), (11, 22), (26, 17), (21, 40), (44, 31)), ((3, 4, 5), (0, 1, 2))
CONFIG = {
    "v1": yl.v1.Config(),
    "v2": yl.v2.Config(anchors=ANCHORS[:3], stride=16),
    "v3": yl.v3.Config(ANCHORS, MASKS, (16, 8)),
    "v4": yl.v4.Config(ANCHORS, MASKS, (16, 8), (1.1, 1.2)),
}
HEAD = {"v1": np.zeros((N, 3, 3, 10 + K)), "v2": np.zeros((N, 2, 4, 3, 5 + K))}
HEAD |= dict.fromkeys(("v3", "v4"), HEAD["v2"])
FINE = np.zeros((N, 4, 8, 3, 5 + K))  # the second head of v3 and v4
SHAPE = {"v1": "(N, S, S, 10 + K) with K ≥ 1"}
SHAPE |= dict.fromkeys(("v2", "v3", "v4"), "(N, H, W, 3, 5 + K) with K ≥ 1")
TARGETS = yl.Targets(
    np.full((N, T, 4), 0.5), np.zeros((N, T), dtype=np.int64), np.ones((N, T), dtype=np.bool_)
)

VERSIONS, ANCHORED, PYRAMIDS = (
    on("version", versions)
    for versions in (["v1", "v2", "v3", "v4"], ["v2", "v3", "v4"], ["v3", "v4"])
)
WITH_TARGETS = ["loss", "loss_and_grad", "assign"]
FUNCTIONS = [*WITH_TARGETS, "decode"]


def refuses(kind, where, argument, *words):
    """An error of this package, with these words behind "must"."""
    begin, behind = re.escape(f"{where}: {argument} must "), (re.escape(str(w)) for w in words)
    return pytest.raises(kind, match=f"(?s)^{begin}{''.join(f'(?=.*{w})' for w in behind)}.*, got ")


def raw_of(version, head=None):
    """Raw outputs, with another (first) head."""
    head = HEAD[version] if head is None else head
    return (head, FINE) if version in ("v3", "v4") else head


def name_of(version):
    return "heads[0]" if version in ("v3", "v4") else "raw"


def call(version, function, raw, targets=TARGETS):
    f, config = getattr(getattr(yl, version), function), CONFIG[version]
    return f(raw, config) if function == "decode" else f(raw, targets, config)


def all_refuse(version, kind, argument, *words, raw=None, targets=TARGETS, functions=FUNCTIONS):
    """Every function of a version refuses these raw outputs or targets."""
    raw = raw_of(version) if raw is None else raw
    for function in functions:
        with refuses(kind, f"{version}.{function}", argument, *words):
            call(version, function, raw, targets)


@VERSIONS
@on("function", FUNCTIONS)
def test_the_input_of_this_file_is_good_until_it_is_changed(version, function):
    call(version, function, raw_of(version))


@VERSIONS
def test_the_first_of_two_steps_speaks_of_loss(version):
    """`linearise` stands behind automatic differentiation: the caller called a loss."""
    whole = tree_map(lambda x: x.astype(int), raw_of(version))
    with refuses(TypeError, f"{version}.loss", name_of(version), "real floating"):
        call(version, "linearise", whole)


# Raw outputs.

SHAPE_FAULTS = {
    "rank 3": lambda x: x[0, 0] if x.ndim == 5 else x[0],
    "rank 6": lambda x: x[None, None],
    "a scalar": lambda x: x.sum(),
    "no classes": lambda x: x[..., :-K],
    "last axis too short": lambda x: x[..., :3],
    "no rows": lambda x: x[:, :0],
    "no columns": lambda x: x[:, :, :0],
}


@VERSIONS
@on("fault", list(SHAPE_FAULTS))
def test_shape_of_raw_outputs(version, fault):
    bad = SHAPE_FAULTS[fault](HEAD[version])
    all_refuse(
        version, ValueError, name_of(version), SHAPE[version], bad.shape, raw=raw_of(version, bad)
    )


@VERSIONS
@on("dtype", ["int64", "bool", "complex128", "object", "U1"])
def test_dtype_of_raw_outputs(version, dtype):
    bad = HEAD[version].astype(dtype)
    words = "real floating", bad.dtype
    all_refuse(version, TypeError, name_of(version), *words, raw=raw_of(version, bad))


@VERSIONS
@on("bad", [[[0.5]], {}, "raw", 1.5, np.ndarray], ids=str)
def test_raw_outputs_that_are_no_array(version, bad):
    words = "be an array", type(bad).__name__
    all_refuse(version, TypeError, name_of(version), *words, raw=raw_of(version, bad))


@ANCHORED
@on("num", [2, 4])
def test_anchors_that_do_not_match_the_config(version, num):
    bad = np.zeros((N, 2, 4, num, 5 + K))
    words = SHAPE[version], bad.shape
    all_refuse(version, ValueError, name_of(version), *words, raw=raw_of(version, bad))


LAYOUTS = {
    "nchw": ((N, 3 * (5 + K), 2, 4), "is it NCHW? see yl.grid.from_nchw"),
    "nhwc": ((N, 2, 4, 3 * (5 + K)), "is it NHWC? see yl.grid.from_nhwc"),
    "nahwd": ((N, 3, 2, 4, 5 + K), "permute the axes to (0, 2, 3, 1, 4)"),
}


@ANCHORED
@on("layout", list(LAYOUTS))
def test_hint_for_another_layout(version, layout):
    shape, hint = LAYOUTS[layout]
    raw = raw_of(version, np.zeros(shape))
    for function in FUNCTIONS:
        with refuses(ValueError, f"{version}.{function}", name_of(version), hint) as caught:
            call(version, function, raw)
        assert f"got {shape}; is it" in str(caught.value)


@on("size", [3, 7])
def test_hint_for_nchw_of_v1(size):
    raw = np.zeros((N, 10 + 20, size, size))
    all_refuse("v1", ValueError, "raw", "is it NCHW? see yl.grid.from_nchw(x, None)", raw=raw)


# Heads of v3 and v4.

NOT_HEADS = {
    "one array": (TypeError, lambda a, b: a, "sequence of 2", "one array of shape (2, 2, 4, 3, 9)"),
    "a dict": (TypeError, lambda a, b: {0: a, 1: b}, "sequence of 2 arrays", "dict"),
    "an iterator": (TypeError, lambda a, b: iter((a, b)), "sequence of 2 arrays", "iterator"),
    "a number": (TypeError, lambda a, b: 3, "sequence of 2 arrays", "int"),
    "text": (TypeError, lambda a, b: "ab", "sequence of 2 arrays", "str"),
    "no head": (ValueError, lambda a, b: (), "hold 2 arrays", "0"),
    "one head": (ValueError, lambda a, b: [a], "hold 2 arrays", "1"),
    "three heads": (ValueError, lambda a, b: (a, b, b), "hold 2 arrays", "3"),
}  # fmt: skip
SECOND_HEAD = {
    "list": (TypeError, lambda x: x.tolist(), "be an array", "list"),
    "rank": (ValueError, lambda x: x[0], SHAPE["v3"], (4, 8, 3, 9)),
    "anchors": (ValueError, lambda x: x[:, :, :, 1:], SHAPE["v3"], (2, 4, 8, 2, 9)),
    "integers": (TypeError, lambda x: x.astype(int), "real floating", "int64"),
    "dtype": (TypeError, lambda x: x.astype("f4"), "dtype of heads[0] (float64)", "float32"),
    "images": (ValueError, lambda x: x[:1], "N = 2", "1"),
    "classes": (ValueError, lambda x: x[..., :-1], "K = 4", "3"),
    "grid": (ValueError, lambda x: x[:, :3], "grid × stride (32, 64)", "(3, 8) × 8 = (24, 64)"),
}


@PYRAMIDS
@on("fault", list(NOT_HEADS))
def test_heads(version, fault):
    kind, change, *words = NOT_HEADS[fault]
    for function in FUNCTIONS:
        with refuses(kind, f"{version}.{function}", "heads", *words):
            call(version, function, change(HEAD[version], FINE))


@PYRAMIDS
@on("fault", list(SECOND_HEAD))
def test_the_second_head(version, fault):
    kind, change, *words = SECOND_HEAD[fault]
    all_refuse(version, kind, "heads[1]", *words, raw=(HEAD[version], change(FINE)))


@PYRAMIDS
def test_heads_in_another_order(version):
    words = "grid × stride (64, 128)", "(2, 4) × 8 = (16, 32)"
    all_refuse(version, ValueError, "heads[1]", *words, raw=[FINE, HEAD[version]])


# Targets.

TARGET_FAULTS = {
    "rank 2": (ValueError, "boxes", lambda x: x[0], "(2, T, 4)", "(3, 4)"),
    "of five": (ValueError, "boxes", lambda x: np.zeros((N, T, 5)), "(2, 3, 4)", "(2, 3, 5)"),
    "of one image": (ValueError, "boxes", lambda x: x[:1], "N = 2", "(1, 3, 4)"),
    "integer": (TypeError, "boxes", lambda x: x.astype(int), "real floating", "int64"),
    "object": (TypeError, "boxes", lambda x: x.astype(object), "real floating", "object"),
    "list": (TypeError, "boxes", lambda x: x.tolist(), "be an array", "list"),
    "too few": (ValueError, "labels", lambda x: x[:, :2], "(2, 3)", "(2, 2)"),
    "rank 1": (ValueError, "labels", lambda x: x[0], "(2, 3)", "(3,)"),
    "one-hot": (ValueError, "labels", lambda x: np.eye(K, dtype=int)[x], "(2, 3)", "(2, 3, 4)"),
    "floating": (TypeError, "labels", lambda x: x * 1.0, "integer", "float64"),
    "bool": (TypeError, "labels", lambda x: x > 0, "integer", "bool"),
    "None": (TypeError, "labels", lambda x: None, "be an array", "NoneType"),
    "of one truth": (ValueError, "valid", lambda x: x[:, :1], "(2, 3)", "(2, 1)"),
    "rank 3": (ValueError, "valid", lambda x: x[..., None], "(2, 3)", "(2, 3, 1)"),
    "0 and 1": (TypeError, "valid", lambda x: x * 1, "bool", "int64"),
    "0.0 and 1.0": (TypeError, "valid", lambda x: x * 1.0, "bool", "float64"),
}


@VERSIONS
@on("fault", list(TARGET_FAULTS))
def test_targets(version, fault):
    kind, field, change, *words = TARGET_FAULTS[fault]
    bad = TARGETS._replace(**{field: change(getattr(TARGETS, field))})
    argument = f"targets.{field}"
    all_refuse(version, kind, argument, *words, targets=bad, functions=WITH_TARGETS)


@VERSIONS
@on("kind", [tuple, list, lambda x: x._asdict(), lambda x: x.boxes, lambda x: None, lambda x: 3])
def test_targets_replaced_by_something_else(version, kind):
    bad = kind(TARGETS)
    words = "be a Targets(boxes, labels, valid)", type(bad).__name__
    all_refuse(version, TypeError, "targets", *words, targets=bad, functions=WITH_TARGETS)


@VERSIONS
def test_targets_of_another_batch(version):
    bad = yl.Targets(*(np.concatenate([x, x]) for x in TARGETS))
    words = f"N = {N} images of {name_of(version)}", (2 * N, T, 4)
    all_refuse(version, ValueError, "targets.boxes", *words, targets=bad, functions=WITH_TARGETS)


# Libraries and devices.


def torch_array(x, **keywords):
    return pytest.importorskip("torch").asarray(np.array(x), **keywords)


def jax_array(x):
    return pytest.importorskip("jax.numpy").asarray(np.array(x))


def strict_array(x):
    return Strict().array(x)


LIBRARIES = {"torch": torch_array, "jax": jax_array, "array_api_strict": strict_array}
FIELDS = on("field", ["boxes", "labels", "valid"])


@VERSIONS
@on("library", list(LIBRARIES))
@on("dtype", ["int32", "bool"])
def test_dtype_of_raw_outputs_on_every_library(version, library, dtype):
    raw = tree_map(LIBRARIES[library], raw_of(version, HEAD[version].astype(dtype)))
    words = "real floating", dtype
    all_refuse(version, TypeError, name_of(version), *words, raw=raw, functions=["decode"])


@VERSIONS
@FIELDS
@on("library", ["torch", "jax"])
def test_two_libraries(version, field, library):
    bad = TARGETS._replace(**{field: LIBRARIES[library](getattr(TARGETS, field))})
    words = f"same library as {name_of(version)} (numpy)", library
    all_refuse(version, TypeError, f"targets.{field}", *words, targets=bad, functions=WITH_TARGETS)


@PYRAMIDS
@on("library", ["torch", "jax"])
def test_heads_of_two_libraries(version, library):
    words = "same library as heads[0] (numpy)", library
    raw = HEAD[version], LIBRARIES[library](FINE)
    all_refuse(version, TypeError, "heads[1]", *words, raw=raw)


@VERSIONS
def test_a_library_without_an_adapter_is_called_by_its_name(version):
    raw = tree_map(strict_array, raw_of(version))
    words = "same library as", "array_api_strict", "numpy"
    all_refuse(version, TypeError, "targets.boxes", *words, raw=raw, functions=WITH_TARGETS)


@VERSIONS
@FIELDS
def test_two_devices(version, field):
    raw, good = tree_map(torch_array, (raw_of(version), TARGETS))
    bad = good._replace(**{field: torch_array(getattr(TARGETS, field), device="meta")})
    words = f"on the device of {name_of(version)} (cpu)", "meta"
    argument, options = f"targets.{field}", {"raw": raw, "targets": bad}
    all_refuse(version, ValueError, argument, *words, **options, functions=WITH_TARGETS)


@PYRAMIDS
def test_heads_on_two_devices(version):
    raw = torch_array(HEAD[version]), torch_array(FINE, device="meta")
    all_refuse(version, ValueError, "heads[1]", "on the device of heads[0] (cpu)", "meta", raw=raw)


def test_two_devices_of_a_library_without_an_adapter():
    xp = Strict().xp
    raw = xp.asarray(HEAD["v2"], device=xp.Device("device1"))
    with refuses(ValueError, "v2.loss", "targets.boxes", "on the device of raw", "CPU_DEVICE"):
        call("v2", "loss", raw, tree_map(strict_array, TARGETS))


@VERSIONS
def test_the_same_message_while_jax_traces(version):
    jax = pytest.importorskip("jax")
    raw, targets = tree_map(jax_array, (raw_of(version, HEAD[version][..., :-K]), TARGETS))
    with refuses(ValueError, f"{version}.loss", name_of(version), SHAPE[version]):
        jax.jit(lambda r, t: call(version, "loss", r, t))(raw, targets)


# Configs.

NOT_A_NUMBER = ["1", None, True, NAN, INF, -INF, (1,), [1.0], 1j]
NOT_POSITIVE = [*NOT_A_NUMBER, 0, -8]
NOT_A_FRACTION = [*NOT_A_NUMBER, -0.1, 1.1]
NOT_ANCHORS = [(), [], None, "ab", 5, (1, 2), ((1,),), ((1, 2, 3),), ((0, 1),), ((-1, 2),), ((NAN, 2),),
               ((2, INF),), (("1", "2"),), ((True, 2),), [[[1, 2]]], ((1, 2), 3), {(1, 2)}]  # fmt: skip
NOT_MASKS = [(), [], None, "012", 5, (0, 1, 2), ((), ()), ((6,), (0,)), ((-1,), (0,)), ((0.0,), (1,)),
             ((True,), (0,)), (("0",), (1,)), [[[0]], [1]], ((NAN,), (0,))]  # fmt: skip
NOT_PER_HEAD = [(), None, 8, "ab", (8,), (8, 8, 8), (0, 8), (-8, 8), (NAN, 8), (8, INF), ("16", "8"),
                (True, 8), [[16], [8]], {16: 8}]  # fmt: skip
NONSENSE = {
    "num_boxes": ([*NOT_POSITIVE, 2.0], "whole number ≥ 1"),
    "anchors": (NOT_ANCHORS, "pairs of a width and a height in pixels, > 0"),
    "masks": (NOT_MASKS, "anchor indices 0 … 5"),
    "stride": (NOT_POSITIVE, "number > 0"),
    "strides": (NOT_PER_HEAD, "2 numbers > 0, one for each of masks"),
    "scale_xy": (NOT_PER_HEAD, "2 numbers > 0, one for each of masks"),
    "coord_iou_threshold": ([x for x in NOT_A_FRACTION if x is not None], "from 0 to 1"),
    "ignore_threshold": (NOT_A_FRACTION, "from 0 to 1"),
    "assign_iou_threshold": (NOT_A_FRACTION, "from 0 to 1"),
    "label_smoothing": (NOT_A_FRACTION, "from 0 to 1"),
    "offset_eps": (NOT_A_FRACTION, "from 0 to 1"),
    "ignore_by": (["best", "Prior", "", 0, NAN, ["prior"]], "'prior', 'shape', 'prediction', None"),
    "assign": (["all", "Union", None, 0, ["union"]], "'union', 'intersection'"),
    "similarity": (["siou", "CIoU", None, 0, yl.iou.ciou], "'iou', 'giou', 'diou', 'ciou'"),
}


@on(("version", "field"), [(v, field) for v, config in CONFIG.items() for field in vars(config)])
def test_config_with_nonsense(version, field):
    values, expected = NONSENSE.get(field, (NOT_A_NUMBER, "finite number"))
    for value in values:
        with refuses(ValueError, f"{version}.Config", field, expected) as caught:
            replace(CONFIG[version], **{field: value})
        assert str(caught.value).endswith((f"got {value!r}", f"got {tuples(value)!r}"))


def tuples(x):
    """Lists as a Config shows them."""
    return tuple(map(tuples, x)) if isinstance(x, list | tuple) else x


@PYRAMIDS
def test_an_anchor_twice_in_a_head(version):
    with refuses(ValueError, f"{version}.Config", "masks[1]", "an anchor once", (2, 0, 2)):
        replace(CONFIG[version], masks=((3, 4, 5), (2, 0, 2)))


@on("value", [0, 0.0, 0.5, 1])
def test_offset_eps_outside_its_open_range(value):
    with refuses(ValueError, "v3.Config", "offset_eps", f"lie in (0, 0.5), got {value}"):
        replace(CONFIG["v3"], offset_eps=value)


@VERSIONS
def test_a_negative_weight(version):
    with refuses(ValueError, f"{version}.Config", "lambda_coord", "-1"):
        replace(CONFIG[version], lambda_coord=-1)


OTHERS = [(v, c) for v in CONFIG for c in (*CONFIG, "class", "dict", "None") if c != v]


@on(("version", "other"), OTHERS)
def test_config_of_another_version(version, other):
    bad = {**CONFIG, "class": type(CONFIG[version]), "dict": vars(CONFIG[version])}.get(other)
    rest = {name: (raw_of(version), TARGETS) for name in WITH_TARGETS}
    for function, args in {**rest, "decode": (raw_of(version),), "encode": ()}.items():
        f = getattr(getattr(yl, version), function)
        keywords = places(version, config=bad) if function == "encode" else {"config": bad}
        with refuses(TypeError, f"{version}.{function}", "config", f"{version}.Config"):
            f(*args, **keywords)


# encode.


def places(version, **changed):
    """Arguments of encode."""
    zeros = {name: np.zeros(5, dtype=int) for name in ("row", "col", "anchor")}
    good = {"boxes": np.full((5, 4), 0.3), **zeros, "config": CONFIG[version], "grid_shape": (2, 2)}
    if version == "v1":
        del good["anchor"]
    return {**good, **({"head": 0} if version in ("v3", "v4") else {}), **changed}


def encode(version, **changed):
    return getattr(yl, version).encode(**places(version, **changed))


@VERSIONS
def test_encode_takes_the_good_places(version):
    assert encode(version).shape == (5, 4)


PLACE_FAULTS = {
    "floating": (TypeError, lambda x: x * 1.0, "integer", "float64"),
    "bool": (TypeError, lambda x: x > 0, "integer", "bool"),
    "list": (TypeError, lambda x: x.tolist(), "be an array", "list"),
    "number": (TypeError, lambda x: 0, "be an array", "int"),
    "length": (ValueError, lambda x: x[:3], "shape (5,)", (3,)),
    "rank": (ValueError, lambda x: x[:, None], "shape (5,)", (5, 1)),
    "library": (TypeError, torch_array, "same library as boxes (numpy)", "torch"),
}


@VERSIONS
@on("fault", list(PLACE_FAULTS))
def test_encode_places(version, fault):
    kind, change, *words = PLACE_FAULTS[fault]
    for name in {"row", "col", "anchor"} & places(version).keys():
        with refuses(kind, f"{version}.encode", name, *words):
            encode(version, **{name: change(places(version)[name])})


NO_SHAPES = [3, (3,), (1, 2, 3), (0, 2), (2, -1), ("2", "3"), (True, 2), None, (NAN, 2), (2, INF)]


@VERSIONS
@on("bad", [*NO_SHAPES, (2.5, 3)], ids=str)
def test_encode_grid_shape(version, bad):
    with refuses(ValueError, f"{version}.encode", "grid_shape", "be (H, W)", repr(bad)):
        encode(version, grid_shape=bad)


NO_INDEX = [2, -1, "0", None, NAN, 0.5, [0], 0.0, True]


@PYRAMIDS
@on("bad", NO_INDEX, ids=str)
def test_encode_head(version, bad):
    with refuses(ValueError, f"{version}.encode", "head", "0 … 1", repr(bad)):
        encode(version, head=bad)


# Boxes and similarities.

CORNERS = np.array([[0.0, 0.0, 2.0, 2.0]] * 3)
BOX_FAULTS = {
    "three numbers": (ValueError, CORNERS[:, :3], "(..., 4)", "(3, 3)"),
    "transposed": (ValueError, CORNERS.T, "(..., 4)", "(4, 3)"),
    "scalar": (ValueError, np.float64(1), "(..., 4)", "()"),
    "integers": (TypeError, CORNERS.astype(int), "real floating", "int64"),
    "list": (TypeError, CORNERS.tolist(), "be an array", "list"),
    "None": (TypeError, None, "be an array", "NoneType"),
}
FAULTS = on("fault", list(BOX_FAULTS))
SIMILARITIES = [
    *((f"iou.{name}", getattr(yl.iou, name)) for name in yl.iou.SIMILARITY),
    ("iou.value_and_grad", lambda pred, gt: yl.iou.value_and_grad("ciou", pred, gt)),
]
EACH_SIMILARITY = on(("where", "f"), SIMILARITIES, ids=[where for where, _ in SIMILARITIES])


@EACH_SIMILARITY
@FAULTS
def test_boxes_of_similarities(where, f, fault):
    kind, bad, *words = BOX_FAULTS[fault]
    with refuses(kind, where, "pred", *words):
        f(bad, CORNERS)
    with refuses(kind, where, "gt", *words):
        f(CORNERS, bad)


@EACH_SIMILARITY
def test_similarities_of_two_libraries_and_devices(where, f):
    with refuses(TypeError, where, "gt", "same library as pred (numpy)", "torch"):
        f(CORNERS, torch_array(CORNERS))
    with refuses(ValueError, where, "gt", "device of pred (cpu)", "meta"):
        f(torch_array(CORNERS), torch_array(CORNERS, device="meta"))


@EACH_SIMILARITY
@on("library", [np.asarray, torch_array, jax_array], ids=["numpy", "torch", "jax"])
def test_similarities_of_shapes_that_do_not_broadcast(where, f, library):
    with refuses(ValueError, where, "gt", "broadcast with pred", (3, 4), (2, 4)):
        f(library(CORNERS), library(CORNERS[:2]))


@on("bad", ["siou", "IOU", None, 0, ["iou"], yl.iou.iou])
def test_a_similarity_that_does_not_exist(bad):
    listed = "'iou', 'giou', 'diou', 'ciou'"
    with refuses(ValueError, "iou.value_and_grad", "name", listed, repr(bad)):
        yl.iou.value_and_grad(bad, CORNERS, CORNERS)


CONVERSIONS = ["cxcywh_to_xyxy", "xyxy_to_cxcywh", "xywh_to_xyxy", "xyxy_to_xywh"]
SCALINGS = ["to_pixels", "to_fractions"]


@on("name", [*CONVERSIONS, *SCALINGS])
@FAULTS
def test_conversions_of_boxes(name, fault):
    kind, bad, *words = BOX_FAULTS[fault]
    size = (640, 480) if name in SCALINGS else ()
    with refuses(kind, f"boxes.{name}", "boxes", *words):
        getattr(yl.boxes, name)(bad, *size)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@on("name", SCALINGS)
@on("argument", ["width", "height"])
def test_size_of_the_image(name, argument):
    for bad in ("640", None, NAN, INF, 0, -1, True, [640]):
        size = {"width": 640, "height": 480, argument: bad}
        with refuses(ValueError, f"boxes.{name}", argument, "number > 0", repr(bad)):
            getattr(yl.boxes, name)(CORNERS, **size)


# Layouts.

NCHW = np.zeros((N, 27, 2, 4))
FROM = on(("name", "x"), [("from_nchw", NCHW), ("from_nhwc", NCHW.transpose(0, 2, 3, 1))])


@FROM
def test_from_a_convolution(name, x):
    f, where, axis = getattr(yl.grid, name), f"grid.{name}", x.shape.index(27)
    for num in (3, None):
        for bad in (x[0], x[None]):
            with refuses(ValueError, where, "x", "4 axes", bad.shape):
                f(bad, num)
        for bad in (x.tolist(), None):
            with refuses(TypeError, where, "x", "be an array", type(bad).__name__):
                f(bad, num)
    for num in (2, 28):
        with refuses(ValueError, where, "x", f"axis {axis}", f"num_anchors = {num}", x.shape):
            f(x, num)


@FROM
def test_number_of_anchors(name, x):
    for bad in ("3", 3.0, True, [3], (3,), 0, -1):
        with refuses((TypeError, ValueError), f"grid.{name}", "num_anchors", "whole number"):
            getattr(yl.grid, name)(x, bad)


@on("name", ["to_nchw", "to_nhwc"])
def test_to_a_convolution(name):
    for bad in (np.zeros((2, 3, 4)), np.zeros((1,) * 6), np.float64(1)):
        with refuses(ValueError, f"grid.{name}", "x", "4 or 5 axes", bad.shape):
            getattr(yl.grid, name)(bad)
    with refuses(TypeError, f"grid.{name}", "x", "be an array", "list"):
        getattr(yl.grid, name)([[[[0.0]]]])
