"""Explanations: every expression gives its result, and every result is the package's."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

import yolo_losses as yl
from tests.support.cases import CASES, EXTREME, PLAIN, V3, V4, ids
from tests.support.pocket import evaluate, looked_up, steps_of_markdown, steps_of_text
from yolo_losses.data import read_yolo_folder
from yolo_losses.demo.fit import fit
from yolo_losses.demo.photographs import LABELS, PICTURES
from yolo_losses.demo.versions import argument, by_head, cases, random_raw
from yolo_losses.explain import calculate, explain
from yolo_losses.explain.book import Book, beside
from yolo_losses.explain.calculator import printed
from yolo_losses.explain.page import columns

DEMO = cases()
TARGETS = yl.pad_targets(*read_yolo_folder(LABELS, PICTURES))
EACH_DEMO = pytest.mark.parametrize("case", DEMO, ids=lambda case: case.name)
PHOTOGRAPHED = list(zip(*np.nonzero(TARGETS.valid), strict=True))


def by_name(name):
    return next(case for case in CASES if case.name == name)


def of(case, image=0, truth=0, config=None, **names):
    return explain(case.raw, case.targets, config or case.config, image, truth, **names)


def check(explanation, widths=(80,)):
    """All expressions hold, in text and in Markdown alike; returns how many."""
    steps = steps_of_markdown(explanation.markdown())
    assert [fault for s in steps if (fault := s.fault())] == []
    for width in widths:
        text = explanation.text(width)
        assert steps_of_text(text) == steps
        assert max(map(columns, text.splitlines())) <= width
    return len(steps)


def printed_terms(explanation):
    """box, obj and cls, summed over the predictors that the text walks through."""
    steps = steps_of_text(str(explanation))
    return [
        sum(evaluate(s.result) for s in steps if re.fullmatch(rf"{name}(_\d+)?", s.symbol))
        for name in ("box", "obj", "cls")
    ]


class TestPocketCalculator:
    """Each expression, evaluated with its numbers as printed."""

    @pytest.mark.parametrize("seed", [0, 1])
    @EACH_DEMO
    def test_photographs(self, case, seed):
        raw = [x.astype(np.float32) for x in random_raw(case, seed, 4, 11)]
        raw = argument(case.config, raw)
        places = PHOTOGRAPHED[:: 1 + 2 * seed]  # all 34 with the demo's seed, fewer with others
        counts = [check(explain(raw, TARGETS, case.config, *at)) for at in places]
        assert len(counts) == (34 if seed == 0 else 12)
        assert np.median(counts) >= {"v1": 50, "v2": 50, "v3": 60, "v4": 90}[case.version]

    @EACH_DEMO
    def test_fitted_photographs(self, case):
        """Where predictions are near the truth, differences need more digits."""
        raw = [x.astype(np.float32) for x in random_raw(case, 0, 4, 11)]
        raw = argument(case.config, fit(case, raw, TARGETS, steps=100).raw)
        for at in PHOTOGRAPHED[::4]:
            check(explain(raw, TARGETS, case.config, *at))

    @pytest.mark.parametrize("dtype", [np.float64, np.float16])
    @pytest.mark.parametrize("case", [*CASES, *EXTREME], ids=ids)
    def test_options_and_edges(self, case, dtype):
        """Every option of every version; extreme raw outputs; truths at borders and invalid."""
        raw = argument(case.config, [x.astype(dtype) for x in case.heads])
        n, t = case.targets.valid.shape
        for at in np.ndindex(n, min(t, 4)):
            assert check(explain(raw, case.targets, case.config, *at), (60,)) >= 1

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    @pytest.mark.parametrize("case", PLAIN.values(), ids=ids)
    def test_small_truths_and_borders(self, case, dtype):
        """Sizes at which areas vanish, centres a rounding away from the border of a cell."""
        rows = [(0.3, 0.3, size, size) for size in (1e-6, 1e-12, 1e-20, 1e-30)]
        rows += [(0.5, 0.5 + 1e-8, 0.1, 0.1), (0.25 - 1e-9, 0.5 - 1e-17, 1e-3, 1), (1, 0, 1, 1)]
        targets = yl.pad_targets([rows] * 2, [[0] * len(rows)] * 2)
        raw = argument(case.config, [x.astype(dtype) for x in case.heads])
        for truth in range(len(rows)):
            check(explain(raw, targets, case.config, 0, truth))

    def test_equal_boxes(self):
        """IOU 1, v 0: nothing is left to divide."""
        case = by_name("v4-exact-equal-ciou")
        found = of(case)
        check(found)
        assert found.terms.box == 0
        assert "α = 0" in str(found)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("case", PLAIN.values(), ids=ids)
    def test_what_is_not_finite(self, case, bad):
        """It is shown as it is: there is no digit to hold it against."""
        for field in range(7):
            heads = [x.copy() for x in case.heads]
            for x in heads:
                x[..., field] = bad
            found = explain(argument(case.config, heads), case.targets, case.config)
            assert any(word in str(found) for word in ("nan", "inf"))
            assert steps_of_text(str(found)) == steps_of_markdown(found.markdown())


class TestValues:
    """What is printed is what the package computes."""

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    @pytest.mark.parametrize("case", CASES, ids=ids)
    def test_the_terms_of_all_truths_are_those_of_the_image(self, case, dtype):
        raw = argument(case.config, [x.astype(dtype) for x in case.heads])
        terms = case.module.loss(raw, case.targets, case.config)
        n, t = case.targets.valid.shape
        near = {"rtol": 1e-12} if dtype == np.float64 else {"rtol": 3e-6, "atol": 1e-6}
        for image in range(n):
            found = [explain(raw, case.targets, case.config, image, k) for k in range(t)]
            sums = np.sum([each.terms for each in found], axis=0)
            for name, got in zip(("box", "obj", "cls"), sums, strict=True):
                wanted = getattr(terms, name)[image].sum(dtype=np.float64)
                np.testing.assert_allclose(got, wanted, **near)
            for each in found if dtype == np.float32 else ():
                np.testing.assert_allclose(printed_terms(each), each.terms, rtol=1e-5)

    @EACH_DEMO
    def test_the_image(self, case):
        """Its sums, its total, and the share."""
        raw = argument(case.config, random_raw(case, 0, 4, 11))
        terms = case.module.loss(raw, TARGETS, case.config)
        for image in range(4):
            found = explain(raw, TARGETS, case.config, image)
            said = looked_up(str(found))
            for name in terms._fields:
                wanted = getattr(terms, name)[image].sum()
                assert said[f"Σ_{name}"] == pytest.approx(wanted, rel=1e-5)
            steps = {s.symbol: evaluate(s.result) for s in steps_of_text(str(found))}
            assert steps["total"] == pytest.approx(terms.total[image], rel=1e-5)
            assert steps["object"] == pytest.approx(sum(found.terms), rel=1e-5)
            assert steps["share"] == pytest.approx(sum(found.terms) / terms.total[image], rel=1e-5)

    @EACH_DEMO
    def test_cells_and_overlaps(self, case):
        """c_x, c_y and IOU_anchor^truth, in v1 IOU_pred^truth, are those of `assign`."""
        raw = argument(case.config, random_raw(case, 0, 4, 11))
        matches = by_head(case.module.assign(raw, TARGETS, case.config))
        for n, t in PHOTOGRAPHED[::3]:
            steps = steps_of_text(str(explain(raw, TARGETS, case.config, n, t)))
            cells = [evaluate(s.result) for s in steps if s.symbol in ("c_x", "c_y")]
            heads = [m for m in matches if m.mask[n, t].any()]
            if heads:
                assert cells == [v[n, t] for m in heads for v in (m.col, m.row)]
            ious = {s.symbol: evaluate(s.result) for s in steps}
            for head, m in enumerate(matches):
                for k, iou in zip(m.anchor[n, t], m.iou[n, t], strict=True):
                    if heads or case.version != "v1":
                        name = f"IOU_{prior(case.config, head, k)}"
                        assert ious[name] == pytest.approx(iou, rel=1e-5)

    @pytest.mark.parametrize("by", ["prior", "prediction"])
    @pytest.mark.parametrize("base", [V3, V4], ids=["v3", "v4"])
    def test_what_is_ignored(self, base, by):
        """How many, and the overlap of the highest, held against every box of every head."""
        case = PLAIN["v3" if base is V3 else "v4"]
        config, counted = replace(base, ignore_by=by, ignore_threshold=0.05), 0
        held = [m.responsible for m in case.module.assign(case.raw, case.targets, config)]
        for n, t in zip(*np.nonzero(case.targets.valid), strict=True):
            text = str(explain(case.raw, case.targets, config, n, t))
            ious = np.concatenate([
                overlaps(case, config, s, n, t)[~h[n]] for s, h in enumerate(held)
            ])  # fmt: skip
            above = np.sort(ious[ious > 0.05])[::-1]
            assert f"no objectness loss: {len(above)}." in " ".join(text.split())
            said = [float(v) for v in re.findall(r"(?m)^IOU (\S+): ", text)]
            np.testing.assert_allclose(said, above[:3], rtol=1e-5)
            counted += len(above)
        assert counted > 5

    def test_what_is_ignored_by_shape(self):
        config = replace(V3, ignore_by="shape", ignore_threshold=0.2)
        case = PLAIN["v3"]
        text = str(of(case, config=config))
        ious = {s.symbol: evaluate(s.result) for s in steps_of_text(text) if s.symbol[:4] == "IOU_"}
        above = sorted((v for v in ious.values() if v > 0.2), reverse=True)
        said = [float(v) for v in re.findall(r"(?m)^IOU (\S+): ", text)]
        assert above[1 : 1 + len(said)] == said  # the best is held

    @pytest.mark.parametrize("case", PLAIN.values(), ids=ids)
    def test_the_other_predictors(self, case):
        """All predictors of the cell are there: with an object, ignored, or with their noobj."""
        text = str(of(case))
        symbols = [s.symbol for s in steps_of_text(text)]
        free = [name for name in symbols if name.startswith("noobj_")]
        held = [name for name in symbols if re.fullmatch(r"box(_\d)?", name)]
        silent = re.findall(r"is held by|no loss\.", " ".join(text.split()))
        num = case.config.num_boxes if case.version == "v1" else len(case.config.anchors)
        assert len(free) + len(held) + len(silent) == num


def prior(config, head, anchor):
    return config.masks[head][anchor] if hasattr(config, "masks") else anchor


def overlaps(case, config, s, n, t):
    """IOU of a truth with every prior or decoded box of a head, (H, W, A)."""
    h, w = case.raw[s].shape[1:3]
    boxes = case.module.decode(case.raw, config)[s].boxes[n].copy()
    if config.ignore_by == "prior":
        rows, cols = np.mgrid[:h, :w]
        boxes[..., 0], boxes[..., 1] = (cols[..., None] + 0.5) / w, (rows[..., None] + 0.5) / h
        size = np.array([config.anchors[k] for k in config.masks[s]]) / config.strides[s]
        boxes[..., 2:] = size / [w, h]
    corners = yl.boxes.cxcywh_to_xyxy
    return yl.iou.iou(corners(boxes), corners(case.targets.boxes[n, t]))


class TestNothingDrifts:
    """An explanation of another formula than the package's is refused, not printed."""

    @pytest.mark.parametrize("case", PLAIN.values(), ids=ids)
    @pytest.mark.parametrize("term", [0, 1, 2])
    def test_of_a_term(self, case, term, monkeypatch):
        formula, config = case.module.FORMULA, case.config
        if case.version == "v3":
            config = replace(config, coord_iou_threshold=None)  # so that the box costs something

        def objects(*args):
            each = list(formula.objects(*args))
            each[term] = each[term] * 1.001
            return tuple(each)

        monkeypatch.setattr(case.module, "FORMULA", formula._replace(objects=objects))
        with pytest.raises(ArithmeticError, match="does not give"):
            of(case, config=config)

    @pytest.mark.parametrize("case", PLAIN.values(), ids=ids)
    def test_of_the_others(self, case, monkeypatch):
        formula = case.module.FORMULA
        noobj = lambda *args: formula.noobj(*args) * 1.001  # noqa: E731
        monkeypatch.setattr(case.module, "FORMULA", formula._replace(noobj=noobj))
        with pytest.raises(ArithmeticError, match="noobj"):
            of(case)

    @pytest.mark.parametrize("name", ["giou", "diou", "ciou"])
    def test_of_a_similarity(self, name, monkeypatch):
        whole = yl.iou.SIMILARITY[name]
        monkeypatch.setitem(yl.iou.SIMILARITY, name, lambda *args: whole(*args) - 0.001)
        with pytest.raises(ArithmeticError, match=name.upper()):
            of(PLAIN["v4"], config=replace(V4, similarity=name))


class TestWords:
    """What happened to the truth."""

    @pytest.mark.parametrize("version", ["v1", "v2", "v3", "v4"])
    def test_collisions(self, version):
        """Three equal truths: v1 gives the cell to the first, the others to the last."""
        case = by_name(f"{version}-collisions")
        texts = [
            " ".join(str(of(case, 1, k, truth_names=["a", "b", "c"])).split()) for k in range(3)
        ]
        first = version == "v1"
        winner = 0 if first else 2
        for k, text in enumerate(texts):
            if k == winner:
                others = [j for j in range(3) if j != k]
                assert all(f"for which truth {j} ({'abc'[j]}) asks too" in text for j in others)
            else:
                assert f"loses it to truth {winner} ({'abc'[winner]})" in text
                assert "holds no predictor and costs nothing" in text
                assert of(case, 1, k).terms == (0, 0, 0)

    def test_no_collision_no_section(self):
        assert "Collisions" not in str(of(by_name("v3-borders"), 0, 1))

    def test_the_gate(self):
        """Exactly at ½, which is not above it."""
        case = by_name("v3-exact-gate")
        text = str(of(case))
        assert "IOU_anchor^truth = 0.5 is not above the gate 0.5: coordinates cost nothing" in text
        assert of(case).terms.box == 0
        free = of(case, config=replace(case.config, coord_iou_threshold=None))
        assert "gate" not in free.text() + free.markdown()
        assert free.terms.box > 0
        assert "1[" in of(case).markdown()

    def test_no_head_has_the_anchor(self):
        case = by_name("v3-left-out")
        texts = [str(of(case, n, t)) for n, t in np.ndindex(2, 7)]
        left = [text for text in texts if "no head has it" in text]
        assert left
        assert all("costs nothing" in text for text in left)

    def test_intersection(self):
        case = by_name("v4-intersection")
        texts = [str(of(case, 0, t)) for t in range(7) if case.targets.valid[0, t]]
        none = [text for text in texts if "Above it: none" in text]
        assert none
        assert all("costs nothing" in text for text in none)

    def test_several_predictors(self):
        text = str(of(by_name("v4-exact-assign")))
        assert "Predictor 1 of" not in text
        text = str(of(by_name("v4-shared-anchor")))
        assert "Predictor 2 of" in text
        assert re.search(r"noobj_\d_\d", text)

    @pytest.mark.parametrize("case", PLAIN.values(), ids=ids)
    def test_invalid_and_padding(self, case):
        invalid, empty = (by_name(f"{case.version}-{name}") for name in ("invalid", "no-valid"))
        found = of(invalid, 0, 0)
        assert "It is invalid" in str(found)
        assert "x₀ = nan" in str(found)
        assert found.terms == (0, 0, 0)
        assert "a class of 0 … 2" in " ".join(str(found).split())
        assert "only fills up" in str(of(empty, 0, 0))
        assert "only fills up" in str(of(empty, 1, 0))

    def test_names(self):
        case = PLAIN["v3"]
        label = int(case.targets.labels[0, 0])
        names = {"class_names": ["{0}", "a|b", "_c_"], "truth_names": ["*x*"]}
        found = of(case, **names)
        assert f"Its class is {label} ({names['class_names'][label]})" in str(found)
        assert found.title == "YOLOv3: image 0, truth 0 (*x*)"
        assert found.markdown().startswith(r"# YOLOv3: image 0, truth 0 (\*x\*)")

    def test_a_similarity_of_your_own(self, monkeypatch):
        """It has no steps but those of IOU, and its value."""
        iou = yl.iou.SIMILARITY["iou"]
        monkeypatch.setitem(yl.iou.SIMILARITY, "half", lambda pred, gt: iou(pred, gt) / 2)
        found = of(PLAIN["v4"], config=replace(V4, similarity="half"))
        check(found)
        steps = {s.symbol: evaluate(s.result) for s in steps_of_text(str(found))}
        assert looked_up(str(found))["HALF"] == pytest.approx(steps["IOU"] / 2, rel=1e-5)


class TestInputs:
    @pytest.mark.parametrize("library", ["torch", "jax.numpy", "array_api_strict"])
    @pytest.mark.parametrize("case", PLAIN.values(), ids=ids)
    def test_libraries(self, case, library):
        pytest.importorskip(library.partition(".")[0])
        xp = __import__(library, fromlist=["asarray"])
        heads = [xp.asarray(x.astype(np.float32)) for x in case.heads]
        boxes, labels, valid = case.targets
        targets = yl.Targets(
            xp.asarray(boxes.astype(np.float32)),
            xp.asarray(labels.astype(np.int32)),
            xp.asarray(valid),
        )
        found = explain(argument(case.config, heads), targets, case.config)
        raw = argument(case.config, [x.astype(np.float32) for x in case.heads])
        assert str(found) == str(explain(raw, case.targets, case.config))

    def test_bfloat16_that_needs_a_gradient(self):
        torch = pytest.importorskip("torch")
        case = PLAIN["v3"]
        heads = [torch.tensor(x, dtype=torch.bfloat16, requires_grad=True) for x in case.heads]
        targets = yl.Targets(*(torch.tensor(x) for x in case.targets))
        check(explain(heads, targets, case.config))

    def test_one_class_and_many(self):
        check(of(by_name("v2-one-class")))
        targets, rng = yl.pad_targets([[(0.4, 0.6, 0.3, 0.2)]], [[70]]), np.random.default_rng(0)
        for version, sizes in (("v2", [4]), ("v3", [4, 8])):
            case = PLAIN[version]
            raw = argument(case.config, [rng.normal(size=(1, s, s, 3, 85)) for s in sizes])
            found = explain(raw, targets, case.config)
            check(found)
            assert "Of 80 classes" in str(found)
            terms = case.module.loss(raw, targets, case.config)
            assert found.terms.cls == pytest.approx(terms.cls.sum(), rel=1e-12)

    def test_indices_of_numpy(self):
        case = PLAIN["v3"]
        assert str(of(case, np.int64(0), np.int32(0))) == str(of(case))

    @pytest.mark.parametrize(
        ("image", "truth", "message"),
        [
            (2, 0, "explain: image must be an index 0 … 1, got 2"),
            (-1, 0, "explain: image must be an index 0 … 1, got -1"),
            (0, 5, "explain: truth must be an index 0 … 4, got 5"),
            ("0", 0, "explain: image must be an index 0 … 1, got '0'"),
            (0, True, "explain: truth must be an index 0 … 4, got True"),
        ],
    )
    def test_no_such_index(self, image, truth, message):
        with pytest.raises(ValueError, match=re.escape(message)):
            of(PLAIN["v3"], image, truth)

    @pytest.mark.parametrize("case", PLAIN.values(), ids=ids)
    def test_no_truths(self, case):
        targets = yl.pad_targets([[]] * 2, [[]] * 2)
        with pytest.raises(
            ValueError, match="explain: truth must be an index, but there is none, got 0"
        ):
            explain(case.raw, targets, case.config)

    def test_errors_speak_of_the_call(self):
        case = PLAIN["v3"]
        with pytest.raises(TypeError, match=r"explain: config must be a v1, v2, v3 or v4.Config"):
            explain(case.raw, case.targets, "coco")
        with pytest.raises(TypeError, match="explain: heads must be a sequence"):
            explain(case.raw[0], case.targets, case.config)
        with pytest.raises(ValueError, match=r"explain: targets\.labels must have shape"):
            explain(case.raw, case.targets._replace(labels=case.targets.labels[:1]), case.config)

    def test_inputs_stay_as_they_are(self):
        case = PLAIN["v4"]
        before = [x.copy() for x in (*case.raw, *case.targets)]
        of(case)
        for x, y in zip(before, (*case.raw, *case.targets), strict=True):
            np.testing.assert_array_equal(x, y)


class TestPage:
    def test_it_is_the_function_of_the_package(self):
        assert yl.explain is explain
        assert str(of(PLAIN["v1"])) == of(PLAIN["v1"]).text(80)

    @pytest.mark.parametrize("case", [*PLAIN.values(), by_name("v4-smoothing")], ids=ids)
    def test_markdown(self, case):
        """As a Markdown parser sees it: headings, tables of four columns, equations."""
        markdown_it = pytest.importorskip("markdown_it")
        page = of(case, class_names=["a_b", "`|`", "$x$"]).markdown()
        equations = re.findall(r"(?ms)^\$\$\n(.*?)\n\$\$$", page)
        assert len(equations) >= 4
        for equation in equations:
            assert "\n" not in equation
            assert equation.count("{") == equation.count("}")
            assert equation.count(r"\left") == equation.count(r"\right")
            assert not re.search(r"\\[^A-Za-z]", equation)  # hosts take such escapes for Markdown's
        plain = re.sub(r"(?ms)^\$\$\n.*?\n\$\$$", "", page)
        tokens = markdown_it.MarkdownIt("commonmark").enable("table").parse(plain)
        kinds = [token.type for token in tokens]
        assert kinds.count("heading_open") == len(of(case).sections) + 1
        rows = sum(line.startswith("| ") for line in plain.splitlines())
        assert kinds.count("tr_open") == rows
        assert kinds.count("td_open") + kinds.count("th_open") == 4 * rows
        inline = [child.type for token in tokens for child in token.children or ()]
        assert set(inline) <= {"text", "code_inline", "softbreak"}

    @pytest.mark.parametrize("width", [40, 50, 80, 100, 200])
    @pytest.mark.parametrize("case", PLAIN.values(), ids=ids)
    def test_width(self, case, width):
        check(of(case), (width,))

    def test_columns(self):
        assert columns("x̂ = t̂_x") == 7

    def test_sections(self):
        found = of(PLAIN["v3"])
        titles = [section.title for section in found.sections]
        assert titles[0] == "The truth"
        assert titles[-1] == "Its share of the image"
        step = next(s for section in found.sections for s in section.steps if s.symbol == "c_x")
        assert (step.formula, step.numbers[:6]) == ("floor(x)", "floor(")


class TestCalculator:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1 − (−2)", 3),
            ("−2²", -4),
            ("(−2)²", 4),
            ("4/π²·3", 12 / math.pi**2),
            ("√(2)·exp(−1)", math.sqrt(2) * math.exp(-1)),
            ("max(min(1, 2) − 3, 0)", 0),
            ("softplus(800)", 800),
            ("σ(0) + 1.5e−3", 0.5015),
            ("exp(1000)", math.inf),
            ("ln(0)", -math.inf),
        ],
    )
    def test_values(self, text, value):
        assert calculate(text) == pytest.approx(value, rel=1e-15)
        assert evaluate(text) == pytest.approx(value, rel=1e-15)

    @pytest.mark.parametrize(
        "text", ["x", "__import__('os')", "1 if 2 else 3", "'a'", "(1).real", ""]
    )
    def test_nothing_else(self, text):
        with pytest.raises((SyntaxError, KeyError)):
            calculate(text)

    @pytest.mark.parametrize(
        ("v", "text"),
        [
            (0.1198, "0.1198"), (416.0, "416"), (-0.25, "−0.25"), (1 / 3, "0.333333"),
            (1.5e-7, "1.5e−7"), (123456789.0, "1.23457e8"), (2593.7287, "2593.73"), (-0.0, "0"),
            (math.nan, "nan"), (-math.inf, "−inf"), (0.9999999, "1"), (1234567.4, "1234567"),
        ],
    )  # fmt: skip
    def test_printed(self, v, text):
        assert printed(v) == text

    def test_a_difference_asks_for_digits(self):
        book = Book()
        book.section("")
        book.given(a=1.0000001234567, b=1.0)
        book.step("d", "(a − b)²")
        (section,) = book.sections()
        assert section.steps[0].result == "1.00000012346"  # 1.2346e−7 to the fifth digit
        assert section.steps[2].numbers == "(1.00000012346 − 1)²"

    def test_a_square_may_belong_to_the_name(self):
        book = Book()
        book.section("")
        book.given(**{"ρ²": 9, "ρ": -3})
        book.step("q", "ρ² + ρ")
        book.step("p", "(0 − ρ)²")
        first, second = book.sections()[0].steps[2:]
        assert (first.numbers, second.numbers) == ("9 + (−3)", "(0 − (−3))²")

    def test_a_wrong_value_is_refused(self):
        book = Book()
        book.section("")
        book.given(a=2)
        book.step("b", "a²", 4.001)
        with pytest.raises(ArithmeticError, match=r"b = 2² does not give 4.001"):
            book.sections()

    def test_beside_a_threshold(self):
        book = Book()
        assert str(beside(book.let("a", 0.21300000399351), 0.213)) == "0.213000004"
        assert str(beside(book.let("a", 0.5), 0.5)) == "0.5"
        assert str(beside(book.let("a", 0.7), 0.5)) == "0.7"
