"""What a loss layer's keys do that the formula does not, and keys that do nothing."""

from collections.abc import Callable
from typing import NamedTuple

from ._keys import KNOWN
from ._sections import Remark, Section

Test = Callable[[Section], bool]


class Rule(NamedTuple):
    """A sentence about a key, where a test of its section holds."""

    key: str
    when: Test
    text: str


def given(key: str) -> Test:
    """The key stands in the section."""
    return lambda layer: key in layer.entries


def off(key: str) -> Test:
    """The key is 0, as it is by default."""
    return lambda layer: layer.real(key, 0) == 0


def on(key: str) -> Test:
    """The key is not 0."""
    return lambda layer: layer.real(key, 0) != 0


def other_than_1(key: str) -> Test:
    """The key is given, and not 1."""
    return lambda layer: layer.real(key, 1) != 1


def below_1(key: str, default: float = 1) -> Test:
    """The key is below 1."""
    return lambda layer: layer.real(key, default) < 1


def always(layer: Section) -> bool:
    """In every section."""
    return True


def by_squares(layer: Section) -> bool:
    """The box loss is the sum of squares."""
    return layer.text("iou_loss", "mse") == "mse"


def unweighed(layer: Section) -> bool:
    """Classes have no weights of their own."""
    return "counters_per_class" not in layer.entries


def greedy(layer: Section) -> bool:
    """The suppression has no exponent of its own."""
    return layer.text("nms_kind", "default") != "diounms"


def both(*tests: Test) -> Test:
    """All of the tests hold."""
    return lambda layer: all(test(layer) for test in tests)


_WEIGHT_1 = "the formula has no such weight; Config leaves it out"
_NOT_RESTATED = "neither the formula nor the dialect has it"
_TRUTH_THRESH = Rule(
    "truth_thresh",
    below_1("truth_thresh"),
    "draws predictions above it to their truth; the formula has no such rule",
)
_RESCORE = "is 0: the program's target is 1, the formula's the IOU"
_MAX = Rule("max", given("max"), "limits the truths that are read; the formula reads all")
_MAP = Rule("map", given("map"), _NOT_RESTATED)
_LIMITED = (_TRUTH_THRESH, _MAX, _MAP)
_V2 = (
    Rule("thresh", below_1("thresh", 0.5), "the program ignores the objectness of predictions "
         "above it; the formula of v2 ignores none"),
    Rule("rescore", off("rescore"), _RESCORE),
    Rule("softmax", off("softmax"), "is 0: classes do not compete in the program; they do in the "
         "formula"),
    Rule("bias_match", off("bias_match"), "is 0: the program picks the anchor by predicted sizes, "
         "the formula by priors"),
    Rule("focal_loss", on("focal_loss"), "the formula has no focal loss"),
    Rule("max", given("max"), "limits the truths that are read, in alexeyab_v2 alone; the formula "
         "reads all"),
    Rule("background", on("background"), _NOT_RESTATED),
    Rule("classfix", on("classfix"), _NOT_RESTATED),
    Rule("tree", given("tree"), _NOT_RESTATED),
    _MAP,
    Rule("seen", always, "is kept in the weights, not in the file; Options have 0, where boxes are "
         "drawn to their anchors for the first 12800 images"),
)  # fmt: skip
_V4 = (
    *_LIMITED,
    Rule("iou_loss", by_squares, "is mse, which the formula does not have; Config compares boxes "
         "by its default, CIOU"),
    Rule("max_delta", lambda layer: "max_delta" in layer.entries and not by_squares(layer),
         "the formula does not clip slopes"),
    Rule("iou_thresh_kind", lambda layer: layer.text("iou_thresh_kind", "iou") != "iou"
         and layer.real("iou_thresh", 1) < 1, "the formula compares shapes by IOU"),
    Rule("objectness_smooth", on("objectness_smooth"), "the formula's target of objectness is 1"),
    Rule("focal_loss", on("focal_loss"), "the formula has no focal loss"),
    Rule("new_coords", on("new_coords"), "the formula decodes raw outputs, and sizes by e^t"),
    Rule("counters_per_class", given("counters_per_class"), "the formula weighs classes alike; "
         "Options have the largest counter over the counter of each class"),
    Rule("cls_normalizer", both(other_than_1("cls_normalizer"), unweighed), "Config has it as "
         "lambda_class; what the program computes is lambda_class = 1"),
    Rule("embedding_layer", given("embedding_layer"), _NOT_RESTATED),
)  # fmt: skip
_V1 = (
    Rule("object_scale", other_than_1("object_scale"), _WEIGHT_1),
    Rule("class_scale", other_than_1("class_scale"), _WEIGHT_1),
    Rule("rescore", off("rescore"), _RESCORE),
    Rule("softmax", off("softmax"), "is 0: class scores are linear in the program, a softmax in "
         "the formula"),
    Rule("sqrt", off("sqrt"), "is 0: the program compares sizes, the formula their square roots"),
    Rule("forced", on("forced"), "responsible boxes go by the area of the truth; in the formula by "
         "the IOU"),
    Rule("random", on("random"), "responsible boxes are random for the first images; neither the "
         "formula nor the dialect has it"),
    Rule("coords", lambda layer: "coords" not in layer.entries, "is not given; the program's own "
         "default of 1 serves no detector, 4 is taken"),
)  # fmt: skip
_GAUSSIAN = Rule(
    "[Gaussian_yolo]",
    always,
    "also predicts the spread of x y w h, 9 + K values; neither a formula nor a dialect has it, "
    "Config is that of a [yolo] section",
)
NO_SUCH_OPTION = {
    ("detection", "v1"): _V1,
    ("region", "v2"): _V2,
    ("yolo", "v3"): _LIMITED,
    ("yolo", "v4"): _V4,
    ("Gaussian_yolo", "v4"): (_GAUSSIAN, *_V4, Rule("uc_normalizer", always, _NOT_RESTATED)),
}

_IMAGES = "is of the training images, not of the loss"
_INFERENCE = "is of the inference, not of the loss"
_UNUSED = "is read by the program, and not used in this loss"


def _plainly(text: str, *keys: str) -> tuple[Rule, ...]:
    return tuple(Rule(key, always, text) for key in keys)


_TRACKING = (
    "sim_thresh", "dets_for_track", "dets_for_show", "track_ciou_norm", "track_history_size",
)  # fmt: skip
_FOCAL = "does nothing under focal_loss"
_OF_YOLO = (
    *_plainly(_IMAGES, "jitter", "random", "resize"),
    *_plainly(_INFERENCE, "nms_kind", "yolo_point", *_TRACKING),
    Rule("beta_nms", greedy, "is read under nms_kind = diounms alone"),
    Rule("beta_nms", lambda layer: not greedy(layer), _INFERENCE),
    Rule("truth_thresh", lambda layer: layer.real("truth_thresh", 1) >= 1,
         "no IOU is above it, but for rounding"),
    Rule("delta_normalizer", always, "does nothing on the CPU"),
    Rule("max_delta", by_squares, "does nothing under iou_loss = mse"),
    Rule("cls_normalizer", both(unweighed, off("focal_loss")),
         "does nothing without counters_per_class"),
    Rule("iou_thresh_kind", lambda layer: layer.real("iou_thresh", 1) >= 1,
         "does nothing with an iou_thresh of 1"),
    *(Rule(key, on("focal_loss"), _FOCAL) for key in ("label_smooth_eps", "cls_normalizer")),
    Rule("counters_per_class", on("focal_loss"), "weighs no classes under focal_loss; boxes and "
         "objectness keep their weight"),
)  # fmt: skip
DOES_NOTHING = {
    "detection": _plainly(_IMAGES, "jitter") + _plainly(_UNUSED, "reorg", "max"),
    "region": (
        *_plainly(_IMAGES, "jitter", "random", "resize"),
        *_plainly(_UNUSED, "absolute", "log", "sqrt"),
        Rule("mask_scale", always, "does nothing without coordinates beyond the four"),
    ),
    "yolo": _OF_YOLO,
    "Gaussian_yolo": _OF_YOLO,
}


def notes(layer: Section, version: str) -> tuple[Remark, ...]:
    """Repeated keys, and what the formula of the version has no option for."""
    rules = NO_SUCH_OPTION[layer.kind, version]
    return (*layer.remarks, *(layer.remark(key, text) for key, when, text in rules if when(layer)))


def ineffective(layer: Section) -> tuple[Remark, ...]:
    """Keys of the section that do nothing to its loss."""
    rules = DOES_NOTHING[layer.kind]
    found = [rule for rule in rules if given(rule.key)(layer) and rule.when(layer)]
    return tuple(sorted(layer.remark(rule.key, rule.text) for rule in found))


def unknown(section: Section) -> tuple[Remark, ...]:
    """Keys that the programs do not read; none of a section that is not known."""
    if section.kind not in KNOWN:
        return ()
    strange = [key for key in section.entries if key not in KNOWN[section.kind]]
    text = f"is no key of [{section.kind}] that is known here"
    return tuple(section.remark(key, text) for key in strange)
