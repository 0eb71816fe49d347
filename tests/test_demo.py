"""The demo: what it computes, fits, prints and draws."""

from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from yolo_losses.demo import fit, libraries, objects, photographs, versions
from yolo_losses.demo.photographs import Photograph

pytest.importorskip("skimage")
pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from rich.console import Console

from yolo_losses.demo import figures, tables

CASES = {case.name: case for case in versions.cases()}


@pytest.fixture(scope="module")
def pictures():
    return photographs.photographs()


@pytest.fixture(scope="module")
def truths(pictures):
    return photographs.targets(pictures)


def seeded(case, seed=0, dtype=np.float32):
    return [x.astype(dtype) for x in versions.random_raw(case, seed, 4, 11)]


@pytest.fixture(scope="module")
def fitted(truths):
    """The fit of a case as the demo does it, made once."""
    made = {}

    def fitted(name):
        if name not in made:
            made[name] = fit.fit(CASES[name], seeded(CASES[name]), truths)
        return made[name]

    return fitted


def text_of(renderable, width=80):
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


class TestPhotographs:
    def test_pictures(self, pictures):
        assert [p.name for p in pictures] == ["astronaut", "coffee", "chelsea", "coins"]
        assert [p.pixels.dtype for p in pictures] == [np.uint8] * 4
        assert [len(p.objects) for p in pictures] == [6, 3, 1, 24]
        assert len(photographs.class_names()) == 11

    def test_names_of_objects(self, pictures):
        astronaut, coffee, chelsea, coins = (p.objects for p in pictures)
        assert "space shuttle model" in astronaut
        assert coffee == ("cup", "spoon", "saucer")
        assert chelsea == ("cat",)
        assert coins == tuple(f"coin {k}" for k in range(1, 25))

    def test_targets(self, truths):
        assert truths.boxes.shape == (4, 24, 4)
        assert truths.valid.sum(axis=1).tolist() == [6, 3, 1, 24]


class TestRandomRaw:
    @pytest.mark.parametrize(
        ("name", "shapes"),
        [
            ("v1", [(4, 7, 7, 21)]),
            ("v2", [(4, 13, 13, 5, 16)]),
            ("v3", [(4, 13, 13, 3, 16), (4, 26, 26, 3, 16), (4, 52, 52, 3, 16)]),
            ("v4", [(4, 13, 13, 3, 16), (4, 26, 26, 3, 16), (4, 52, 52, 3, 16)]),
        ],
    )
    def test_shapes(self, name, shapes):
        assert [x.shape for x in seeded(CASES[name])] == shapes

    def test_the_seed_decides(self):
        case = CASES["v2"]
        np.testing.assert_array_equal(seeded(case, 3), seeded(case, 3))
        assert (seeded(case, 3)[0] != seeded(case, 4)[0]).any()

    def test_versions_differ_and_configs_do_not(self):
        v3, free, v4 = (seeded(CASES[name])[0] for name in ("v3", "v3 no gate", "v4"))
        np.testing.assert_array_equal(v3, free)
        assert (v3 != v4).any()


class TestFit:
    @pytest.mark.parametrize("name", ["v1", "v2", "v3 no gate", "v4"])
    def test_every_object_that_holds_a_predictor_is_found(self, fitted, name, pictures, truths):
        found = objects.objects(fitted(name), pictures, truths)
        assert len(found) == 34
        held = [obj for obj in found if obj.predictions]
        assert len(held) == 34 - sum(obj.lost_to is not None for obj in found)
        assert len(held) >= 30
        assert min(obj.iou for obj in held) > objects.GOAL == 0.9
        assert all(obj.right for obj in held)

    @pytest.mark.parametrize("name", ["v1", "v2", "v4"])
    def test_terms_fall(self, fitted, name):
        done = fitted(name)
        for term in yl.LossTerms._fields:
            assert getattr(done.after, term).sum() < getattr(done.before, term).sum() / 100

    def test_several_predictors_of_v4(self, fitted, pictures, truths):
        found = objects.objects(fitted("v4"), pictures, truths)
        matches = yl.v4.assign(tuple(fitted("v4").raw), truths, CASES["v4"].config)
        count = sum(m.positives.sum() for m in matches)
        assert sum(len(obj.predictions) for obj in found) == count > 100
        several = max(found, key=lambda obj: len(obj.predictions))
        assert several.iou == min(p.iou for p in several.predictions)

    def test_the_gate_leaves_coordinates_alone(self, pictures, truths):
        case = CASES["v3"]
        raw = seeded(case)
        done = fit.fit(case, raw, truths, steps=5)
        found = objects.objects(done, pictures, truths)
        below = {obj.name: obj.best for obj in found if obj.best.iou_anchor <= 0.5}
        assert set(below) == {"flag", "spoon"}
        for n, name in ((0, "flag"), (1, "spoon")):
            s, at = below[name].head, (n, below[name].row, below[name].col, below[name].anchor)
            np.testing.assert_array_equal(done.raw[s][at][:4], raw[s][at][:4])
            assert done.raw[s][at][4] > raw[s][at][4]  # objectness and class are fitted
        free = fit.fit(CASES["v3 no gate"], raw, truths, steps=5)
        assert (free.raw[s][at][:4] != raw[s][at][:4]).all()

    def test_the_raw_outputs_stay(self, truths):
        raw = seeded(CASES["v1"])
        copies = [x.copy() for x in raw]
        ticks = []
        fit.fit(CASES["v1"], raw, truths, steps=3, tick=lambda: ticks.append(1))
        np.testing.assert_array_equal(raw, copies)
        assert len(ticks) == 3

    def test_no_steps(self, truths):
        done = fit.fit(CASES["v2"], seeded(CASES["v2"]), truths, steps=0)
        np.testing.assert_array_equal(done.raw, seeded(CASES["v2"]))
        np.testing.assert_array_equal(done.before, done.after)


def scene(boxes, labels):
    """One picture of given objects, and its targets."""
    names = tuple(f"object {t}" for t in range(len(boxes)))
    picture = Photograph("made", np.zeros((8, 8), np.uint8), np.array(boxes), labels, names)
    return [picture], photographs.targets([picture])


class TestObjects:
    BOXES = ((0.51, 0.52, 0.3, 0.3), (0.2, 0.2, 0.1, 0.1), (0.52, 0.51, 0.31, 0.29))

    @pytest.mark.parametrize(
        ("name", "loser", "holder"), [("v1", 2, 0), ("v2", 0, 2), ("v3", 0, 2)]
    )
    def test_lost_to_a_collision(self, name, loser, holder):
        """v1: the first of a cell keeps it; elsewhere the last on an anchor."""
        pictures, targets = scene(self.BOXES, np.array([0, 1, 2]))
        raw = versions.random_raw(CASES[name], 0, 1, 3)
        done = fit.fit(CASES[name], raw, targets, steps=2)
        found = objects.objects(done, pictures, targets)
        assert [obj.lost_to for obj in found].count(None) == 2
        assert found[loser].lost_to == f"object {holder}"
        assert (found[loser].predictions, found[loser].iou) == ((), None)
        assert all(found[t].predictions for t in (1, holder))
        shown = text_of(tables.summary([name], [found]))
        assert f"made: object {loser} (to object {holder})" in " ".join(shown.split())
        assert "lost" in text_of(tables.each_object([name], [found]))

    def test_v1_lost_to_another_predictor_of_the_cell(self):
        """The two want different predictors; the cell still holds one object."""
        boxes = [(0.5, 0.5, 0.9, 0.9), (0.5, 0.5, 0.2, 0.2)]
        pictures, targets = scene(boxes, np.array([0, 1]))
        raw = np.zeros((1, 7, 7, 12))
        raw[..., 2:4], raw[..., 7:9] = -1.5, 2.0  # predictor 0 small, predictor 1 large
        found = objects.objects(fit.fit(CASES["v1"], [raw], targets, 0), pictures, targets)
        assert [obj.best.anchor for obj in found] == [1, 0]
        assert [obj.lost_to for obj in found] == [None, "object 0"]

    def test_v4_may_lose_some(self):
        pictures, targets = scene(self.BOXES, np.array([0, 1, 2]))
        done = fit.fit(CASES["v4"], versions.random_raw(CASES["v4"], 0, 1, 3), targets, 0)
        found = objects.objects(done, pictures, targets)
        assert found[0].lost_to == "object 2"
        assert found[1].lost_to is found[2].lost_to is None

    def test_a_prediction(self):
        """By hand: σ(0) = ½ puts the centre in the middle of the cell, e⁰ keeps the prior."""
        config = yl.v2.Config(anchors=((64, 32),), stride=32)
        case = versions.Case("v2", "v2", config)
        raw = np.zeros((1, 4, 4, 1, 7))
        raw[..., 6] = 1.0  # class 1
        pictures, targets = scene([(0.375, 0.625, 0.5, 0.5)], np.array([0]))
        (obj,) = objects.objects(fit.fit(case, [raw], targets, 0), pictures, targets)
        (said,) = obj.predictions
        np.testing.assert_allclose(said.box, [0.375, 0.625, 0.5, 0.25])
        assert said.iou == pytest.approx(0.5)
        assert (said.label, said.right, obj.right) == (1, False, False)
        assert obj.best == (0, 2, 1, 0, 0.5, True)
        assert "0.500 ✗" in text_of(tables.each_object(["v2"], [[obj]]))
        lines = tables.mistaken(["v2"], [[obj]], ["cup", "cat"])
        assert lines == ["v2: made: object 0 is taken for cat"]

    def test_one_wrong_predictor_is_enough(self):
        right, wrong = (objects.Prediction(np.zeros(4), 0.95, k, k == 0) for k in (0, 1))
        best = objects.Candidate(0, 0, 0, 0, 0.5, True)
        obj = objects.Object("made", "cup", np.zeros(4), best, (right, wrong, wrong), None)
        assert not obj.right
        assert obj._replace(predictions=(right, right)).right
        assert tables.mistaken(["v4"], [[obj]], ["cup", "cat"]) == [
            "v4: made: cup is taken for cat"
        ]


class TestLibraries:
    @pytest.mark.parametrize("name", ["torch", "jax", "array-api-strict"])
    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_same_numbers(self, name, dtype, truths):
        module = pytest.importorskip(name.replace("-", "_"))
        wide = name == "jax" and module.config.jax_enable_x64  # other tests may have set it
        raw = seeded(CASES["v1"], dtype=dtype)
        terms, reference = (
            libraries.loss_on(libraries.library(k), CASES["v1"], raw, truths)
            for k in (name, "numpy")
        )
        assert terms.box.dtype == reference.box.dtype == dtype
        assert type(terms.box) is np.ndarray
        gaps = libraries.differences(terms, reference)
        assert list(gaps) == ["box", "obj", "noobj", "cls", "total"]
        assert max(gaps.values()) < 30 * np.finfo(dtype).eps
        if name == "jax":  # its configuration is left as it was
            ones = module.numpy.asarray(np.ones(1))
            assert ones.dtype == (np.float64 if wide else np.float32)

    def test_what_is_missing_is_left_out(self, monkeypatch):
        def import_module(name):
            raise ModuleNotFoundError(name)

        monkeypatch.setattr(libraries, "import_module", import_module)
        found, reasons = libraries.usable()
        assert list(found) == ["numpy"]
        assert len(reasons) == 4
        assert (
            "torch cannot be used: it is not installed: pip install 'yolo-losses[torch]'" in reasons
        )

    def test_no_device(self):
        cupy = pytest.importorskip("cupy")
        try:
            cupy.cuda.Device().use()
        except Exception:
            with pytest.raises(libraries.Missing, match="cupy cannot be used: it finds no CUDA"):
                libraries.library("cupy")

    def test_differences(self):
        a = yl.LossTerms(*np.array([[[1.0, 0.0]], [[2.0, 0.0]], [[3.0, 4.0]], [[0.0, 0.0]]]))
        b = a._replace(noobj=np.array([[3.0, 5.0]]))
        gaps = libraries.differences(b, a)
        assert gaps == {"box": 0, "obj": 0, "noobj": 0.2, "cls": 0, "total": pytest.approx(1 / 11)}
        assert libraries.differences(a._replace(cls=np.array([[1.0, 0.0]])), a)["cls"] == 1

    def test_a_difference_shows(self):
        ones = yl.LossTerms(*[np.ones((1, 1))] * 4)
        table = tables.comparison("v1", {"numpy": ones, "torch": ones._replace(box=ones.box * 1.5)})
        rows = {line.split()[0]: line.split()[1:] for line in text_of(table).splitlines() if line}
        assert rows["box"] == ["1", "1.5", "3.3e-01"]
        assert rows["obj"] == ["1", "1", "0.0e+00"]
        assert rows["total"] == ["4", "4.5", "1.1e-01"]


class TestTables:
    @pytest.fixture
    def found(self, pictures, truths):
        cases = versions.cases()
        fits = [fit.fit(case, seeded(case), truths, steps=0) for case in cases]
        return fits, [objects.objects(each, pictures, truths) for each in fits]

    def test_fit_in_80_columns(self, found):
        fits, objs = found
        names = [each.case.name for each in fits]
        terms = dict.fromkeys(libraries.LIBRARIES, fits[2].before)
        made = [
            tables.comparison("v3", terms),
            tables.before_and_after(fits),
            tables.each_object(names, objs),
            tables.below_the_gate(CASES["v3"], objs[2], objs[3]),
            tables.summary(names, objs),
        ]
        for table in made:
            text = text_of(table)
            assert "…" not in text
            rows = [line.rstrip() for line in text.splitlines()]
            assert [line.rstrip() for line in text_of(table, 120).splitlines()] == rows

    def test_gate(self, found):
        _, objs = found
        text = text_of(tables.below_the_gate(CASES["v3"], objs[2], objs[3]))
        flag = next(line for line in text.splitlines() if "flag" in line)
        assert "79 × 416" in flag
        assert "156 × 198" in flag
        assert "0.325" in flag
        assert "spoon" in text
        assert "cup" not in text

    def test_markup_in_names_is_text(self, found):
        _, objs = found
        odd = objs[0][0]._replace(name="[bold]cat[/bold] [/]")
        assert "[bold]cat[/bold] [/]" in text_of(tables.each_object(["v1"], [[odd]]))


def test_figures(tmp_path, pictures, truths, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    monkeypatch.setattr(figures, "DPI", 40)
    done = fit.fit(CASES["v3 no gate"], seeded(CASES["v3 no gate"]), truths, steps=0)
    found = objects.objects(done, pictures, truths)
    path = figures.write(done, found, pictures, truths, tmp_path)
    assert path == tmp_path / "v3-no-gate.png"
    pixels = np.asarray(image.open(path).convert("RGB")).astype(float)
    height, width = pixels.shape[:2]
    assert 0.8 < width / height < 1.25
    for rows in (slice(0, height // 2), slice(height // 2, None)):
        for cols in (slice(0, width // 2), slice(width // 2, None)):
            assert pixels[rows, cols].std() > 20  # a photograph in each quarter


def test_places_of_the_pictures():
    aspects = {"astronaut": 1.0, "coins": 1.267, "coffee": 1.5, "chelsea": 1.503}
    height, places = figures._layout(aspects)
    for name, (left, bottom, width, tall) in places.items():
        assert width * figures.WIDTH / (tall * height) == pytest.approx(aspects[name])
        assert left > 0
        assert bottom * height >= figures.LEGEND
        assert left + width < 1
        assert bottom + tall < 1


def test_replace_is_no_version_of_its_own():
    assert CASES["v3 no gate"].config == replace(CASES["v3"].config, coord_iou_threshold=None)
