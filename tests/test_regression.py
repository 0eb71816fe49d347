"""The regression experiment: its rules, its steps, its command, the result that is kept."""

import json
from pathlib import Path

import numpy as np
import pytest

import yolo_losses as yl
from tests.test_bad_input import refuses
from yolo_losses.dialects import darknet_boxes
from yolo_losses.experiments import regression, regression_results, regression_rules
from yolo_losses.experiments.regression import CASES, Task, boxes, points, pool, simulate
from yolo_losses.experiments.regression_rules import ERRORS, LOSSES, slopes

SAVED = Path(__file__).parents[1] / "notebooks" / "results" / "regression.json"
each_loss = pytest.mark.parametrize("loss", LOSSES)
of_distance = pytest.mark.parametrize("loss", ["diou", "ciou"])


def random_boxes(seed=0, n=3000):
    """Boxes x y w h (4, n) and targets around (10, 10): apart, overlapping, inside one another."""
    rng = np.random.default_rng(seed)
    centres, sizes = rng.uniform(8.5, 11.5, (2, n)), rng.uniform(0.3, 4, (2, n))
    gt = np.concatenate([np.full((2, n), 10.0), rng.uniform(0.5, 2, (2, n))])
    return np.concatenate([centres, sizes]), gt


PRED, GT = random_boxes()
LOW, HIGH = PRED[:2] - PRED[2:] / 2 < GT[:2] - GT[2:] / 2, PRED[:2] + PRED[2:] / 2 > GT[:2] + GT[2:] / 2  # fmt: skip
OVER = yl.iou.iou(*(yl.boxes.cxcywh_to_xyxy(x.T) for x in (PRED, GT))) > 0


def by(rule, loss):
    return np.broadcast_to(slopes(loss, rule)(PRED, GT), PRED.shape)


def value(loss, pred):
    return getattr(yl.iou, loss)(*(yl.boxes.cxcywh_to_xyxy(x.T) for x in (pred, GT)))


def turn(pred):
    """v of CIOU."""
    return 4 / np.pi**2 * (np.arctan(GT[2] / GT[3]) - np.arctan(pred[2] / pred[3])) ** 2


def differences(f, step=1e-6):
    """Central differences along x y w h."""
    moves = step * np.eye(4)[:, :, None]
    return np.stack([(f(PRED + move) - f(PRED - move)) / (2 * step) for move in moves])


class TestRules:
    @pytest.mark.parametrize("loss", ["iou", "giou", "diou"])
    def test_exact_is_the_gradient(self, loss):
        want = differences(lambda pred: value(loss, pred))
        np.testing.assert_allclose(by("exact", loss), want, atol=1e-8)

    def test_exact_ciou_holds_alpha(self):
        v = turn(PRED)
        alpha = v / (1 - value("iou", PRED) + v)
        want = differences(lambda pred: value("diou", pred) - alpha * turn(pred))
        np.testing.assert_allclose(by("exact", "ciou"), want, atol=1e-8)

    @each_loss
    def test_darknet_is_the_dialect(self, loss):
        want = darknet_boxes.slopes(loss, PRED.T, GT.T).T
        np.testing.assert_array_equal(by("darknet", loss), want)

    def test_unclamped_is_wrong_where_boxes_are_apart(self):
        wrong = np.abs(by("unclamped", "giou") - by("exact", "giou")).max(axis=0) > 1e-12
        np.testing.assert_array_equal(wrong, ~OVER)

    @each_loss
    def test_doubled_adds_slopes_of_areas_along_w_and_h(self, loss):
        extra = by("doubled", loss) - by("exact", loss)
        areas = by("exact", "giou" if loss == "giou" else "iou")
        np.testing.assert_allclose(extra, areas * np.array([0, 0, 1, 1])[:, None], atol=1e-12)

    @of_distance
    def test_sign_is_wrong_along_x_and_y_where_one_edge_is_outside(self, loss):
        wrong = np.abs(by("sign", loss) - by("exact", loss)) > 1e-12
        np.testing.assert_array_equal(wrong[:2], LOW != HIGH)
        assert not wrong[2:].any()

    @of_distance
    def test_covering_is_wrong_along_w_and_h_where_both_edges_are_outside(self, loss):
        wrong = np.abs(by("covering", loss) - by("exact", loss)) > 1e-12
        np.testing.assert_array_equal(wrong[2:], LOW & HIGH)
        assert not wrong[:2].any()

    @of_distance
    def test_crossed_is_wrong_where_an_edge_that_moves_is_outside(self, loss):
        wrong = np.abs(by("crossed", loss) - by("exact", loss)) > 1e-12
        np.testing.assert_array_equal(wrong, np.concatenate([LOW != HIGH, LOW | HIGH]))

    def test_unscaled_multiplies_the_slopes_of_v(self):
        of_v = by("exact", "ciou") - by("exact", "diou")
        want = by("exact", "diou") + of_v * (PRED[2] ** 2 + PRED[3] ** 2)
        np.testing.assert_allclose(by("unscaled", "ciou"), want, atol=1e-12)

    def test_authors_giou_is_darknets(self):
        np.testing.assert_allclose(by("authors", "giou"), by("darknet", "giou"), atol=1e-12)

    def test_authors_iou_is_darknets_of_boxes_that_overlap(self):
        want = by("darknet", "iou") * OVER
        np.testing.assert_allclose(by("authors", "iou"), want, atol=1e-12)

    @of_distance
    def test_authors_distance(self, loss):
        """The program's slopes of −ρ²/c² and −α·v, multiplied out."""
        offset = GT[:2] - PRED[:2]
        sides = np.maximum(PRED[:2] + PRED[2:] / 2, GT[:2] + GT[2:] / 2) - np.minimum(PRED[:2] - PRED[2:] / 2, GT[:2] - GT[2:] / 2)  # fmt: skip
        rho2, c2 = (offset**2).sum(axis=0), (sides**2).sum(axis=0)
        out = LOW * 1 + HIGH
        xy = 2 * offset / c2 - 2 * sides.sum(axis=0) * (HIGH * 1 - LOW) * rho2 / c2**2
        wh = (np.where(out == 2, -2, out) * sides + out * sides[::-1]) * rho2 / c2**2
        if loss == "ciou":
            angle = np.arctan(GT[2] / GT[3]) - np.arctan(PRED[2] / PRED[3])
            alpha = turn(PRED) / (1 - value("iou", PRED) + turn(PRED))
            wh = wh + alpha * 8 / np.pi**2 * angle * np.stack([PRED[3], -PRED[2]])
        want = by("authors", "iou") + np.concatenate([xy, wh])
        np.testing.assert_allclose(by("authors", loss), want, atol=1e-12)

    @each_loss
    def test_authors_has_all_errors_and_no_order(self, loss):
        joined = by("+".join(reversed(ERRORS)), loss)
        np.testing.assert_array_equal(joined, by("authors", loss))

    @each_loss
    @pytest.mark.parametrize("name", list(ERRORS))
    def test_an_error_changes_its_losses_alone(self, loss, name):
        same = np.allclose(by(name, loss), by("exact", loss), atol=1e-12)
        assert same == (loss not in ERRORS[name].losses)

    def test_formulas_stay(self):
        before = value("ciou", PRED)
        by("authors", "ciou")
        np.testing.assert_array_equal(value("ciou", PRED), before)

    @pytest.mark.parametrize(
        ("argument", "args"),
        [("loss", ("eiou", "exact")), ("rule", ("iou", "wrong")), ("rule", ("iou", "sign+"))],
    )
    def test_refuses(self, argument, args):
        with refuses(ValueError, "regression_rules.slopes", argument):
            slopes(*args)


class TestSetting:
    def test_points_are_uniform_in_the_disc(self):
        x, y = points(3).T - 10
        assert x.shape == (5000,)
        r2 = x**2 + y**2
        assert r2.max() <= 9
        np.testing.assert_allclose(np.quantile(r2, [0.25, 0.5, 0.75]), [2.25, 4.5, 6.75], rtol=0.05)
        assert abs(np.mean(x)) < 0.1 and abs(np.mean(y)) < 0.1

    def test_the_seed_decides(self):
        np.testing.assert_array_equal(points(1, 9), points(1, 9))
        assert (points(1, 9) != points(2, 9)).all()

    def test_boxes(self):
        pred, gt = boxes(np.array([[9.0, 11.0], [10.0, 8.0]]))
        assert pred.shape == (4, 2, CASES) and gt.shape == (4, 1, CASES)
        np.testing.assert_array_equal(pred[:2, 1, 5], [10, 8])
        np.testing.assert_allclose(gt[2] * gt[3], 1, rtol=1e-15)
        cases = np.concatenate([gt[2:, 0], pred[2:, 0]])
        assert len(np.unique(cases.round(9), axis=1).T) == CASES == 343
        areas = np.unique((pred[2, 0] * pred[3, 0]).round(9))
        np.testing.assert_allclose(areas, [0.5, 0.67, 0.75, 1, 1.33, 1.5, 2])
        ratios = np.unique((gt[2] / gt[3]).round(9))
        np.testing.assert_allclose(ratios, [1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4], rtol=1e-8)

    def test_rates_fall_after_steps_160_and_180(self):
        eta = regression.rates(200)
        np.testing.assert_array_equal(eta, [0.1] * 160 + [0.01] * 20 + [0.001] * 20)
        np.testing.assert_array_equal(regression.rates(7), [0.1] * 5 + [0.01] + [0.001])


class TestSimulate:
    @pytest.mark.parametrize("loss", LOSSES)
    def test_steps_by_hand(self, loss):
        places = points(4, 3)
        found = simulate(Task(loss, "exact", 10, dtype="float64"), places)
        pred, gt = boxes(places)
        gt = np.broadcast_to(gt, pred.shape)
        errors = [np.abs(pred - gt).sum(axis=(0, 2))]
        for eta in [0.1] * 8 + [0.01, 0.001]:
            corners = [yl.boxes.cxcywh_to_xyxy(np.moveaxis(x, 0, -1)) for x in (pred, gt)]
            left, top, right, bottom = np.moveaxis(yl.iou.value_and_grad(loss, *corners)[1], -1, 0)
            slope = np.stack([left + right, top + bottom, (right - left) / 2, (bottom - top) / 2])
            pred = pred + eta * (2 - yl.iou.iou(*corners)) * slope
            errors.append(np.abs(pred - gt).sum(axis=(0, 2)))
        np.testing.assert_allclose(found.errors, errors, rtol=1e-11)
        np.testing.assert_allclose(found.curve, np.sum(errors, axis=1), rtol=1e-11)

    @pytest.mark.parametrize("block", [1, 3])
    def test_no_result_depends_on_blocks(self, block):
        task = Task("ciou", "authors", 30)
        whole, parts = (simulate(task, points(0, 7), block=b) for b in (7, block))
        for x, y in zip(whole, parts, strict=True):
            np.testing.assert_array_equal(x, y)

    def test_no_result_depends_on_workers(self):
        task, done = Task("giou", "exact", 30), []
        with pool(2) as workers:
            found = simulate(task, points(0, 7), workers, block=2, tick=done.append)
        assert sorted(done) == [1, 2, 2, 2]
        for x, y in zip(found, simulate(task, points(0, 7)), strict=True):
            np.testing.assert_array_equal(x, y)

    @pytest.mark.parametrize("backend", ["torch", "jax", "array-api-strict"])
    @pytest.mark.parametrize(("loss", "rule"), [("giou", "darknet"), ("ciou", "authors")])
    def test_libraries_agree(self, backend, loss, rule):
        pytest.importorskip(backend.replace("-", "_"))
        places = points(0, 3)
        task = Task(loss, rule, 20, dtype="float64")
        want, found = simulate(task, places), simulate(task._replace(backend=backend), places)
        np.testing.assert_allclose(found.errors, want.errors, rtol=1e-8)
        for x, y in zip(found[1:], want[1:], strict=True):
            np.testing.assert_array_equal(x, y)

    def test_sizes_are_held_at_the_floor_and_counted(self):
        wild = simulate(Task("iou", "darknet", 20), points(0, 3))
        assert wild.floored.sum() > 0
        assert np.isfinite(wild.errors).all()
        assert not simulate(Task("iou", "exact", 20), points(0, 3)).floored.any()

    def test_what_becomes_of_cases(self):
        """Anchors on the target arrive; boxes that are apart have no slope of the IOU."""
        near, far = np.array([[10.0, 10.0]]), np.array([[13.0, 10.0]])
        found = simulate(Task("iou", "exact", 200), np.concatenate([near, far]))
        assert found.good.tolist() == [CASES, 0]
        assert found.apart.tolist() == [0, CASES]
        np.testing.assert_array_equal(found.errors[-1, 1], found.errors[0, 1])

    @pytest.mark.parametrize("places", [np.zeros((0, 2)), np.zeros((3, 3)), np.zeros(2)])
    def test_refuses_points(self, places):
        with refuses(ValueError, "regression.simulate", "places"):
            simulate(Task("iou", "exact"), places)

    @pytest.mark.parametrize("change", [{"backend": "lisp"}, {"steps": 0}])
    def test_refuses_tasks(self, change):
        with refuses(ValueError, "regression.simulate", f"task.{next(iter(change))}"):
            simulate(Task("iou", "exact", **change), points(0, 1))


@pytest.fixture(scope="module")
def saved():
    return json.loads(SAVED.read_text(encoding="utf-8"))


def spiral(n):
    """Few points that stand for many: evenly on a spiral."""
    k = np.arange(n) + 0.5
    r, turn = 3 * np.sqrt(k / n), k * np.pi * (1 + np.sqrt(5))
    return 10 + np.stack([r * np.cos(turn), r * np.sin(turn)], axis=1)


class TestSaved:
    """The result of all rules that the repository keeps."""

    def test_is_of_the_paper(self, saved):
        assert (saved["cases"], saved["steps"], saved["dtype"]) == (1_715_000, 200, "float32")
        assert saved["seeds"] == list(range(5))
        assert {(run["loss"], run["rule"]) for run in saved["runs"]} >= set(
            regression_results.pairs(LOSSES, (*regression_rules.RULES, *ERRORS))
        )

    def test_starts_are_those_of_its_seeds(self, saved):
        starts = [np.abs(np.subtract(*boxes(points(s)))).sum() for s in saved["seeds"]]
        for run in saved["runs"]:
            np.testing.assert_allclose(run["by_seed"]["0"], starts, rtol=1e-4)

    @pytest.mark.parametrize("rule", ["exact", "authors"])
    @each_loss
    def test_few_points_end_alike(self, saved, rule, loss):
        run = regression_results.run_of(saved, loss, rule)
        found = simulate(Task(loss, rule), spiral(48)).curve / (48 * CASES)
        np.testing.assert_allclose(found[160], run["error"][160] / saved["cases"], rtol=0.05)
        np.testing.assert_allclose(found[-1], run["error"][-1] / saved["cases"], rtol=0.05)


class TestCommand:
    @pytest.fixture
    def call(self):
        pytest.importorskip("rich")
        pytest.importorskip("matplotlib")
        testing = pytest.importorskip("click.testing")
        from yolo_losses.cli import main

        return lambda *args: testing.CliRunner().invoke(main, ["regression", *map(str, args)])

    def test_prints_saves_and_draws(self, call, tmp_path):
        small = ("--points", 4, "--steps", 10, "--workers", 1, "--out", tmp_path)
        done = call(*small, "--seeds", 2, "--loss", "giou", "--loss", "diou", "--rule", "exact", "--rule", "sign")  # fmt: skip
        assert done.exit_code == 0, done.output
        result = json.loads((tmp_path / "regression.json").read_text(encoding="utf-8"))
        names = [(run["rule"], run["loss"]) for run in result["runs"]]
        assert names == [("exact", "giou"), ("exact", "diou"), ("sign", "diou")]
        want = [simulate(Task("diou", "sign", 10), points(seed, 4)).curve for seed in (0, 1)]
        run = result["runs"][-1]
        np.testing.assert_allclose(run["error"], np.mean(want, axis=0), rtol=1e-4)
        np.testing.assert_allclose(run["by_seed"]["10"], [c[-1] for c in want], rtol=1e-4)
        assert run["map"][0][0] is None and np.shape(run["map"]) == (30, 30)
        assert f"{want[0][-1] / 2 + want[1][-1] / 2:.2e}".replace("e+0", "e") in done.output
        assert (tmp_path / "regression.png").read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (["--rule", "right"], "rule must be one of 'exact'"),
            (["--seed", "1", "--seeds", "2"], "exclude each other"),
            (["--points", "0"], "--points"),
            (["--loss", "eiou"], "--loss"),
        ],
    )
    def test_refuses(self, call, tmp_path, args, words):
        done = call(*args, "--out", tmp_path)
        assert done.exit_code == 2
        assert words in done.output
        assert len(done.output.strip().splitlines()) == 1


def test_the_map_means_over_a_cell():
    """Two points in the cell at the left end of the middle row."""
    places = np.array([[7.05, 10.05], [7.15, 10.15]])
    found = simulate(Task("diou", "exact", 5), places)
    shown = regression_results._map([places], [found])
    assert shown[15][0] == float(f"{found.errors[-1].mean() / CASES:.2e}")
    assert sum(v is not None for row in shown for v in row) == 1
