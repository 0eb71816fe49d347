"""The table of dialects, its page, the comparison with the formula, and their commands."""

from pathlib import Path

import numpy as np
import pytest

import yolo_losses as yl
from yolo_losses.dialects import difference, page, registry
from yolo_losses.dialects.registry import DIALECTS, TOPICS, departures, faults

FOLDER = Path(registry.__file__).parent
TESTS = Path(__file__).parent
HELPERS = {"results", "registry", "page", "difference", "darknet_boxes", "darknet_nms", "overlaps"}

each = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


def test_every_module_is_listed():
    modules = {path.stem for path in FOLDER.glob("[!_]*.py")}
    assert modules == HELPERS | set(DIALECTS)


@each
def test_docstrings_say_where_a_program_departs(dialect):
    found = departures(dialect)
    assert {"assignment", "ignore", "coordinates"} & set(found)
    assert set(found) <= set(TOPICS)
    assert all(text.endswith((".", ")")) for text in found.values())
    assert faults(dialect)


@each
def test_a_dialect_gives_what_is_said(dialect):
    function = {"slopes": "deltas", "loss": "loss"}[dialect.gives]
    assert callable(getattr(dialect.module, function))
    assert dialect.module.Options.__dataclass_params__.frozen
    assert (TESTS / f"test_dialects_{dialect.tests}.py").exists()


def test_the_page_is_made_of_the_docstrings():
    """To write it anew: python -m yolo_losses.dialects.page > yolo_losses/dialects/README.md."""
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page.page()


# The comparison.


def case(version="v3", seed=0, **changes):
    pyramid = {"anchors": [(10, 13), (40, 60)], "masks": [(1,), (0,)], "strides": [16, 8]}
    if version == "v4":
        pyramid.update(scale_xy=[1, 1.1], similarity="iou")
    make = getattr(yl, version).Config
    config = make(**pyramid, **changes) if version in ("v3", "v4") else make.voc()
    rng = np.random.default_rng(seed)
    shape = {"v1": [(2, 7, 7, 13)], "v2": [(2, 5, 5, 5, 8)]}
    shapes = shape.get(version, [(2, 5, 5, 1, 8), (2, 10, 10, 1, 8)])
    heads = [rng.normal(size=s) for s in shapes]
    boxes = [[(0.3, 0.4, 0.5, 0.7)], [(0.71, 0.62, 0.1, 0.2), (0.2, 0.1, 0.15, 0.1)]]
    return config, heads, yl.pad_targets(boxes, [[1], [2, 0]])


def compared(version, name, **changes):
    config, heads, targets = case(version, **changes)
    module, dialect = getattr(yl, version), DIALECTS[name].module
    raw = heads if version in ("v3", "v4") else heads[0]
    grads = module.loss_and_grad(raw, targets, config)[1]
    options = difference.options_of_head(name, dialect, config, heads)
    truths = np.concatenate([targets.boxes, targets.labels[..., None]], axis=-1)
    truths = truths * targets.valid[..., None]
    found = difference.slopes(name, dialect, options, heads, truths)
    formula = grads if isinstance(grads, list | tuple) else [grads]
    groups, assigned = difference.groups(formula, found, getattr(config, "num_boxes", None))
    return {g.name: g for g in groups}, assigned


def test_darknet_v3_against_the_formula():
    """Half the square of sizes; objectness and classes are the same without a gate and by boxes."""
    groups, assigned = compared(
        "v3", "darknet_v3", ignore_by="prediction", coord_iou_threshold=None
    )
    assert {k for k, g in groups.items() if g.agrees} == {"obj", "noobj", "cls"}
    assert groups["w h"].ratio == pytest.approx(0.5)
    assert groups["w h"].apart == 2 * assigned.both
    assert assigned[:3] == (3, 0, 0)


def test_the_ignore_rule_shows():
    config = {"ignore_by": "prediction", "ignore_threshold": 0.0, "coord_iou_threshold": None}
    groups, same = compared("v3", "darknet_v3", **config)
    assert groups["noobj"].agrees
    assert same.formula_ignores == same.dialect_ignores > 0
    groups, other = compared("v3", "darknet_v3", **{**config, "ignore_by": None})
    assert not groups["noobj"].agrees
    assert other.formula_ignores == 0


def test_alexeyab_v4_has_the_formula_but_for_boxes():
    groups, _ = compared("v4", "alexeyab_v4")
    assert {k for k, g in groups.items() if g.agrees} == {"obj", "noobj", "cls"}


def test_darknet_v2_has_half_of_x_and_y():
    groups, _ = compared("v2", "darknet_v2")
    assert groups["x y"].ratio == pytest.approx(0.5)
    assert groups["x y"].formula == pytest.approx(2 * groups["x y"].dialect)


def test_the_flat_vector_of_v1_and_back():
    config, (x,), _ = case("v1")
    (options,) = difference.options_of_head(
        "darknet_v1", DIALECTS["darknet_v1"].module, config, [x]
    )
    there = difference._flat(x, options)
    np.testing.assert_array_equal(difference._unflat(there, options), x)
    np.testing.assert_array_equal(there[:, : 49 * 3].reshape(2, 7, 7, 3), x[..., 10:])
    np.testing.assert_array_equal(there[:, 49 * 5 :].reshape(2, 7, 7, 2, 4)[..., 0, :], x[..., :4])


def test_the_place_of_the_largest_difference():
    a = [np.ones((1, 2, 2, 1, 8)), np.ones((1, 4, 4, 1, 8))]
    b = [v.copy() for v in a]
    b[1][0, 3, 2, 0, 6] = 5
    groups, _ = difference.groups(a, b, None)
    (cls,) = [g for g in groups if g.name == "cls"]
    assert cls.place == (1, 0, 3, 2, 0, 1)
    assert cls.values == (1, 5)
    assert cls.apart == 1
    assert sum(not g.agrees for g in groups) == 1


def test_a_nan_in_one_alone_is_a_difference():
    a, b = np.ones((1, 2, 2, 1, 8)), np.ones((1, 2, 2, 1, 8))
    b[0, 0, 0, 0, 0] = np.nan
    assert not difference.groups([a], [b], None)[0][0].agrees


# The commands.


@pytest.fixture(scope="module")
def call():
    pytest.importorskip("click")
    pytest.importorskip("rich")
    from click.testing import CliRunner

    from yolo_losses.cli import main

    return lambda *args: CliRunner().invoke(main, [str(a) for a in args], prog_name="yolo-losses")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Raw outputs of presets for one image, and its labels."""
    folder, rng = tmp_path_factory.mktemp("explain"), np.random.default_rng(5)
    heads = {f"head{s}": (1, 3 * 2**s, 3 * 2**s, 3, 8) for s in range(3)}
    cells, head = {"raw": (1, 7, 7, 13)}, {"raw": (1, 5, 5, 5, 8)}
    shapes = {"v1": cells, "v2": head, "v3": heads, "v4": heads}
    for version, keys in shapes.items():
        np.savez(folder / f"{version}.npz", **{k: rng.normal(size=s) for k, s in keys.items()})
    (folder / "labels").mkdir()
    (folder / "labels" / "one.txt").write_text("1 0.4 0.6 0.5 0.3\n2 0.7 0.2 0.1 0.2\n")
    return folder


def explain(call, files, version, name, *args):
    raw, labels = files / f"{version}.npz", files / "labels"
    return call("explain-difference", version, name, "--raw", raw, "--labels", labels, *args)


def test_dialects_lists_them(call):
    result = call("dialects")
    assert result.exit_code == 0
    assert all(name in result.output for name in DIALECTS)


@pytest.mark.parametrize("name", DIALECTS)
def test_explain_difference_of_every_dialect(call, files, name):
    dialect = DIALECTS[name]
    if dialect.gives == "loss":
        pytest.importorskip("torch")
    result = explain(call, files, dialect.version, name)
    assert result.exit_code == 0, result.output
    assert f"What {name} computes otherwise" in result.output
    assert "Predictors with an object" in result.output


def test_explain_difference_of_a_relative(call, files):
    """ultralytics' loss is that of WongKinYiu's YOLOv4 too."""
    pytest.importorskip("torch")
    program = "program=wongkinyiu_yolov4"
    result = explain(call, files, "v4", "ultralytics", "--option", program)
    assert result.exit_code == 0, result.output
    assert "the formula of v4 and ultralytics" in " ".join(result.output.split())


def test_explain_difference_says_what_and_where(call, files):
    gate = "coord_iou_threshold=None"
    result = explain(
        call, files, "v3", "darknet_v3", "--set", "ignore_by=prediction", "--set", gate
    )
    text = " ".join(result.output.split())
    assert "classes: the same." in text
    assert "half the square for t_w and t_h" in text
    assert "w h" in text and " 0.5 " in text


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("v3", "darknet_v2"), "darknet_v2 is a dialect of v2, not of v3"),
        (("v3", "darknet_v3", "--option", "thresh=1"), "--option must be KEY=VALUE"),
        (("v3", "darknet_v3", "--preset", "voc"), "v3 has no preset 'voc'"),
        (("v3", "darknet_v3", "--option", "truth_thresh=much"), "truth_thresh must be a number"),
    ],
)
def test_explain_difference_fails_in_one_line(call, files, args, message):
    result = explain(call, files, *args)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
