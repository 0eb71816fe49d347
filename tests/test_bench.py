"""The benchmark: what it measures, how it judges, and the command."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import yolo_losses as yl
from yolo_losses.bench import environment, floor, goals, machine, measure, problems, results, sweep
from yolo_losses.bench import run as bench_run
from yolo_losses.bench.problems import Problem
from yolo_losses.bench.ways import WAYS, open_way
from yolo_losses.bench.ways.base import Call, Outcome
from yolo_losses.bench.ways.numpy import NumPy
from yolo_losses.bench.worker import Request, answer, decode, encode

pytest.importorskip("click")
pytest.importorskip("rich")

from click.testing import CliRunner

from yolo_losses.cli import main

SMOKE = {
    "v1": Problem("v1", "smoke", 2, 64, 3, None),
    "v2": Problem("v2", "smoke", 2, 64, 3, None),
    "v3": Problem("v3", "smoke", 2, 64, 3, "prior"),
    "v4": Problem("v4", "smoke", 2, 64, 3, "prediction"),
}
each_version = pytest.mark.parametrize("version", list(SMOKE))


def call(*args):
    return CliRunner().invoke(main, ["bench", *map(str, args)], prog_name="yolo-losses")


def in_process(request, allocator):
    """A worker's answers without a process, through JSON all the same."""
    for each in answer(decode(encode(request))):
        yield json.loads(json.dumps(each))


def numpy_way(kind=NumPy):
    way = kind(1)
    way.name = "numpy"
    return way


def measured(problem, way=None, calls=results.CALLS, memory=False):
    return measure.measure(way or numpy_way(), problem, calls=calls, runs=3, memory=memory)


class TestProblems:
    def test_the_configurations(self):
        found = [p for v in SMOKE for p in problems.of_version(v, ["A", "B"], problems.RULES, 20)]
        assert [(p.version, p.config) for p in found[:2]] == [("v1", "voc"), ("v2", "voc")]
        assert len(found) == 2 + 2 * 2 * 3
        shapes = {(p.version, p.config): problems.shapes(p) for p in found}
        assert shapes["v1", "voc"] == [(64, 7, 7, 30)]
        assert shapes["v2", "voc"] == [(64, 13, 13, 5, 25)]
        assert shapes["v3", "A"] == [(8, s, s, 3, 85) for s in (13, 26, 52)]
        assert shapes["v4", "B"] == [(16, s, s, 3, 85) for s in (19, 38, 76)]
        assert {p.truths for p in found} == {20}

    def test_counts(self):
        (v1,) = problems.of_version("v1", [], [], 20)
        (a,) = problems.of_version("v3", ["A"], ["shape"], 20)
        assert problems.predictors(v1) == 64 * 7 * 7 * 2
        assert problems.cells(v1) == 64 * 7 * 7
        assert problems.predictors(a) == 8 * 10647 == 3 * problems.cells(a)
        assert problems.gradient_bytes(a) == 8 * 10647 * 85 * 4

    @each_version
    def test_the_data(self, version):
        problem = SMOKE[version]._replace(truths=200)
        raw, again = problems.raw_outputs(problem), problems.raw_outputs(problem)
        assert all(x.dtype == np.float32 and x.flags.c_contiguous for x in raw)
        assert all(map(np.array_equal, raw, again))
        low = np.concatenate([x[..., k].ravel() for x in raw for k in problems.objectness(problem)])
        assert abs(low.mean() + 4) < 4 / np.sqrt(low.size)
        boxes, labels, valid = problems.targets(problem)
        xy, wh = boxes[..., :2], boxes[..., 2:]
        assert (wh > 0).all() and (xy - wh / 2 >= -1e-6).all() and (xy + wh / 2 <= 1 + 1e-6).all()
        assert np.ptp(np.log(wh)) > 2
        assert valid.all() and labels.min() >= 0 and labels.max() < raw[0].shape[-1] - 5

    def test_the_rule_reaches_the_config(self):
        assert problems.settings(SMOKE["v4"]).ignore_by == "prediction"
        assert problems.settings(SMOKE["v3"]) == replace(yl.v3.Config.coco(), ignore_by="prior")


class TestFloor:
    def test_fresh_zeros_and_a_read(self):
        raw = problems.raw_outputs(SMOKE["v1"])
        work = floor.floor(raw, (4, 9))
        gradient, sums = work()
        assert [g.shape for g in gradient] == [x.shape for x in raw]
        assert not any(g.any() for g in gradient)
        assert not any(np.shares_memory(a, b) for a, b in zip(gradient, work()[0], strict=True))
        np.testing.assert_array_equal(sums, [raw[0][..., 4].sum(), raw[0][..., 9].sum()])

    def test_fill(self):
        x = np.ones((3, 5), np.float32)
        assert floor.fill(x) is x
        assert not x.any()

    def test_zero_fill_keeps_its_buffers(self):
        work = floor.zero_fill(problems.raw_outputs(SMOKE["v3"]))
        first = work()
        for x in first:
            x += 1
        assert all(a is b for a, b in zip(first, work(), strict=True))
        assert not any(x.any() for x in first)


class TestRounds:
    def test_every_round_has_every_call_once(self):
        order, reset = [], []
        calls = {
            name: Call(lambda name=name: order.append(name), None, lambda: reset.append(1))
            for name in "abc"
        }
        samples = measure.rounds(calls, lambda result: order.append("done"), 20)
        assert {name: len(times) for name, times in samples.items()} == dict.fromkeys("abc", 20)
        assert order[1::2] == ["done"] * (len(order) // 2)
        rounds = np.reshape(order[::2], (-1, 3))
        assert len(rounds) == 20 + measure.WARM_UP
        assert all(sorted(each) == list("abc") for each in rounds)
        assert len({tuple(each) for each in rounds}) > 2
        assert len(reset) == 3 * len(rounds)

    def test_reset_is_not_timed_waiting_is(self, monkeypatch):
        clock = SimpleNamespace(now=0.0)
        monkeypatch.setattr(measure.time, "perf_counter", lambda: clock.now)

        def passes(seconds):
            clock.now += seconds

        calls = {"x": Call(lambda: passes(2), None, lambda: passes(100))}
        assert measure.rounds(calls, lambda result: passes(3), 2) == {"x": [5, 5]}

    def test_summary(self):
        assert measure.summary([3.0, 1.0, 10.0]) == {"n": 3, "min": 1.0, "median": 3.0}


class TestCheck:
    ONES = Outcome(np.ones(2), [np.ones((2, 3))])

    def test_difference(self):
        totals = Outcome(np.array([1.0, 1.01]), [np.ones((2, 3))])
        assert measure.difference(totals, self.ONES) == pytest.approx(0.01)
        grads = Outcome(np.ones(2), [np.ones((2, 3)) + [0, 0, 0.3]])
        assert measure.difference(grads, self.ONES) == pytest.approx(0.1)
        assert measure.difference(self.ONES, self.ONES) == 0
        assert measure.difference(Outcome(np.ones(2), None), self.ONES) == 0

    @pytest.mark.parametrize("where", ["total", "grads"])
    def test_nan(self, where):
        total, (grad,) = np.ones(2), [np.ones((2, 3))]
        (total if where == "total" else grad)[0] = np.nan
        assert measure.difference(Outcome(total, [grad]), self.ONES) == np.inf

    @each_version
    def test_numpy_is_right(self, version):
        found = measured(SMOKE[version], memory=True)
        assert set(found["calls"]) == set(results.CALLS)
        for name in ("loss", "loss_and_grad", "workspace"):
            entry = found["calls"][name]
            assert entry["right"], name
            time, ratio = entry["time"], entry["ratio"]
            assert time["n"] == 3 and 0 < time["min"] <= time["median"]
            for against, value in ratio.items():
                base = found["floors"][against]
                assert value["min"] == time["min"] / base["min"]
                assert value["median"] == time["median"] / base["median"]
        assert "no automatic gradient" in found["calls"]["autograd"]["absent"]
        of_a = ["floor of A"] * (version in ("v1", "v2"))
        assert set(found["floors"]) == {"floor", "zero fill", *of_a} == set(ratio)
        planes = problems.predictors(SMOKE[version]) * 4
        assert found["memory"]["planes"] == found["memory"]["bytes"] / planes > 0

    def test_a_wrong_total(self):
        found = measured(SMOKE["v3"], numpy_way(Wrong))
        right = {name: entry.get("right") for name, entry in found["calls"].items()}
        assert right["loss"] is False
        assert right["loss_and_grad"] is False
        assert found["calls"]["loss"]["difference"] == pytest.approx(2e-4, rel=0.1)
        assert "time" in found["calls"]["loss"]

    def test_a_call_that_fails_leaves_the_others(self):
        class Failing(NumPy):
            def loss(self, data):
                return Call(lambda: 1 / 0, self._outcome)

        found = measured(SMOKE["v3"], numpy_way(Failing))
        assert found["calls"]["loss"] == {"failed": "ZeroDivisionError: division by zero"}
        assert found["calls"]["loss_and_grad"]["right"]

    def test_the_workspace_has_seen_other_truths(self):
        data = numpy_way().data(SMOKE["v3"])
        seen = []

        def loss_and_grad(raw, targets, config, work):
            seen.append(targets)
            return yl.v3.loss_and_grad(raw, targets, config, work=work)

        fake = SimpleNamespace(workspace=yl.v3.workspace, loss_and_grad=loss_and_grad)
        NumPy(1).workspace(data._replace(module=fake)).run()
        first, second = (targets.boxes for targets in seen)
        np.testing.assert_array_equal(first, np.roll(second, 1, axis=0))
        assert not np.array_equal(first, second)


class Wrong(NumPy):
    """Totals and gradients that are off by little more than is allowed."""

    def loss(self, data):
        right = super().loss(data)
        return right._replace(read=lambda result: self._off(right.read(result)))

    def loss_and_grad(self, data):
        right = super().loss_and_grad(data)
        return right._replace(read=lambda result: self._off(right.read(result)))

    def _off(self, outcome):
        grads = outcome.grads and [x * (1 + 2e-4) for x in outcome.grads]
        factor = np.ones_like(outcome.total) if grads else 1 + 2e-4
        return Outcome(outcome.total * factor, grads)


class TestMemory:
    def test_numpy(self):
        def run():
            a = np.ones(1_000_000)
            b = a + 1
            del a
            return b[:10] + 1

        assert NumPy(1).peak(run) == pytest.approx(16e6, rel=1e-3)

    def test_torch(self):
        torch = pytest.importorskip("torch")
        way = open_way("torch", 1)
        x = torch.zeros(1_000_000)

        def run():
            a = x + 1
            b = a + 1
            del a
            return b[:10] + 1

        assert way.peak(run) == pytest.approx(8e6, rel=1e-3)
        leaf = x.clone().requires_grad_()
        assert way.peak(lambda: (leaf * leaf).sum().backward()) >= 8e6  # a product, a gradient

    def test_beyond_the_gradient(self):
        """What `loss` holds counts in full, what `loss_and_grad` holds without the gradient."""
        data = numpy_way().data(SMOKE["v3"])
        size = problems.gradient_bytes(SMOKE["v3"])
        for alone, both, expected in [(50_000, 30_000, 50_000), (10_000, 30_000, 30_000)]:
            ready = {
                "loss": Call(lambda n=alone: np.ones(n, np.int8), None),
                "loss_and_grad": Call(lambda n=both: np.ones(size + n, np.int8), None),
            }
            assert NumPy(1).memory(data, ready) == pytest.approx(expected, abs=5000)

    def test_jax(self):
        jax = pytest.importorskip("jax")
        way = open_way("jax", 1)
        size = problems.gradient_bytes(SMOKE["v1"])
        raw = jax.numpy.ones(size // 4)

        def loss_and_grad(raw, truths, config):
            order = raw[::-1].sort()
            return order[:100], order * raw

        fake = SimpleNamespace(loss_and_grad=loss_and_grad)
        data = way.data(SMOKE["v1"])._replace(module=fake, raw=raw)
        assert size <= way.memory(data, {}) < 4 * size


class TestGrowth:
    @pytest.mark.parametrize("p", [0, 0.5, 1, 2])
    def test_exponent(self, p):
        x = [1, 3, 10, 30]
        assert sweep.exponent(x, [7 * v**p for v in x]) == pytest.approx(p)

    def test_points(self):
        found = sweep.problems("v3", ["shape", "prior"], 20)
        assert len(found) == len(set(found)) == 2 * (6 + 5 + 6)
        assert {p.truths for p in found} == {1, 3, 10, 20, 30, 100, 300}
        assert {p.batch for p in found} == {1, 2, 4, 8, 16, 32}
        for version in ("v1", "v2"):
            every = sweep.problems(version, ["shape"], 20)
            assert {p.ignore_by for p in every} == {None}
            cells = {p.size: problems.cells(p) for p in every if p.batch == 64}
            side = problems.VOC[version].size
            assert len(cells) == 6
            assert all(n * side**2 == cells[side] * s**2 for s, n in cells.items())

    def test_of_a_sweep(self):
        """t = 2 N cells T^½ has the exponents 1, 1 and ½."""
        rows = swept(lambda p: 2 * problems.cells(p) * p.truths**0.5)
        (found,) = sweep.growth(rows)
        assert (found["way"], found["version"], found["ignore_by"]) == ("numpy", "v3", "shape")
        assert found["batch_exponent"] == pytest.approx(1)
        assert found["cells_exponent"] == pytest.approx(1)
        assert found["truths_exponent"] == pytest.approx(0.5)
        (series,) = sweep.series(rows)
        assert [p.truths for p in series.points["truths"]] == [1, 3, 10, 20, 30, 100, 300]
        assert [p.size for p in series.points["size"]] == [160, 224, 320, 416, 608, 832]

    def test_of_one_point(self):
        (found,) = sweep.growth(swept(lambda p: 1.0)[:1])
        assert found["batch_exponent"] is None

    def test_goals_are_judged(self):
        rows = sweep.growth(swept(lambda p: 1e-9 * problems.cells(p) * p.truths**0.3))
        verdicts = {v.what: v.met for v in goals.judge(rows)}
        assert verdicts == {goals.IN_BATCH: True, goals.IN_CELLS: True, goals.IN_TRUTHS: False}


def swept(seconds):
    """Measurements of a sweep whose times are a function of the problem."""
    return [made(p, {"loss_and_grad": seconds(p)}) for p in sweep.problems("v3", ["shape"], 20)]


def made(problem, seconds, floors=None, way="numpy", **more):
    """A measurement with given times."""

    def summary(t):
        return {"n": 3, "min": t, "median": t}

    floors = floors or {"floor": 1e-3, "zero fill": 0.5e-3}
    entries = {
        name: {
            "right": True,
            "difference": 0.0,
            "time": summary(t),
            "ratio": {k: {"min": t / f, "median": t / f} for k, f in floors.items()},
        }
        for name, t in seconds.items()
    }
    out = measure.blank(way, "cpu", problem, entries)
    return {**out, "floors": {k: summary(f) for k, f in floors.items()}, **more}


A_SHAPE = Problem("v3", "A", 8, 416, 20, "shape")


class TestGoals:
    def test_the_table(self):
        limits = {
            (g.way, g.configs[0], g.ignore_by): g.limit
            for g in goals.GOALS
            if g.what == goals.GRADIENT
        }
        assert len(limits) == 18
        assert limits["numpy", "A", "shape"] == 4
        assert limits["numpy", "B", "prior"] == 3
        assert limits["torch", "A", "prediction"] == 10
        assert limits["jax", "A", "prior"] == 3.5
        assert limits["jax", "B", "prediction"] == 5
        assert {g.what for g in goals.GOALS} == set(goals.VALUES)
        ways = {g.way for g in goals.GOALS} - {None}
        assert ways <= set(WAYS)

    @pytest.mark.parametrize(("ms", "met"), [(3.9, True), (4.1, False)])
    def test_a_ratio(self, ms, met):
        (verdict,) = goals.judge([made(A_SHAPE, {"loss_and_grad": ms * 1e-3})])
        assert verdict.met is met
        assert verdict[:5] == (goals.GRADIENT, "numpy", "v3", "A", "shape")
        assert (verdict.value, verdict.limit) == (pytest.approx(ms), 4)

    def test_what_is_not_measured_is_not_judged(self):
        assert goals.judge([made(A_SHAPE, {"loss": 1.0})]) == []
        assert goals.judge([made(A_SHAPE, {"loss_and_grad": 1.0}, way="cupy")]) == []
        assert goals.judge([measured(SMOKE["v3"], memory=True)]) == []

    def test_the_others(self):
        b = A_SHAPE._replace(config="B")
        floors = {"floor": 1e-3, "zero fill": 0.5e-3, "floor of A": 2e-3}
        rows = [
            made(b, {"workspace": 0.6e-3}, memory={"bytes": 1, "planes": 17.0}),
            made(b, {"workspace": 0.4e-3}, compile={"8": 1.0, "300": 2.5}),
            made(Problem("v1", "voc", 64, 448, 20, None), {"loss_and_grad": 3.9e-3}, floors),
            made(Problem("v2", "voc", 64, 416, 20, None), {"loss_and_grad": 6.2e-3}, floors),
        ]
        assert [(v.what, v.met) for v in goals.judge(rows)] == [
            (goals.WORKSPACE, False),
            (goals.MEMORY, False),
            (goals.WORKSPACE, True),
            (goals.COMPILE, False),
            (goals.GRADIENT_A, True),
            (goals.GRADIENT_A, False),
        ]


class TestEnvironment:
    def test_variables(self, monkeypatch):
        monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "5")
        monkeypatch.setenv("XLA_FLAGS", "--given")
        warm = environment.variables("numpy", "warm", 1)
        assert warm["MALLOC_MMAP_MAX_"] == "0" and warm["MALLOC_ARENA_MAX"] == "1"
        assert warm["MALLOC_TRIM_THRESHOLD_"] == str(1 << 34) == "17179869184"
        assert warm["MALLOC_TOP_PAD_"] == "536870912"
        assert warm["OMP_NUM_THREADS"] == "1"
        assert warm["XLA_FLAGS"].split() == [
            "--given", "--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1",
        ]  # fmt: skip
        default = environment.variables("jax", "default", 2)
        assert not any(name.startswith("MALLOC_") for name in default)
        assert default["OMP_NUM_THREADS"] == "2"
        assert default["XLA_FLAGS"] == "--given"
        assert default["JAX_PLATFORMS"] == "cpu"
        assert "JAX_PLATFORMS" not in environment.variables("jax-gpu", "warm", 1)

    @pytest.mark.skipif(not environment.has_glibc(), reason="the settings are glibc's")
    def test_warm_memory_comes_without_faults(self):
        code = """
import numpy as np, resource
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(1 << 26, np.int8).fill(0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print([faults() for _ in range(3)][-1])
"""
        faults = {}
        for mode in environment.ALLOCATORS:
            env = environment.variables("numpy", mode, 1)
            done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True)
            faults[mode] = int(done.stdout)
        assert faults["warm"] < 10 < faults["default"]

    def test_the_name_of_a_processor(self):
        slugs = {
            "Intel(R) Xeon(R) Processor": "intel-xeon",
            "Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz": "intel-core-i7-8650u",
            "AMD EPYC 9B45": "amd-epyc-9b45",
            "": "unknown",
        }
        assert {cpu: machine.slug(cpu) for cpu in slugs} == slugs
        about = machine.describe()
        assert about["cpu"] and about["cores"] >= 1
        assert about["libraries"]["numpy"] == np.__version__


class TestWays:
    @pytest.mark.parametrize("name", list(WAYS))
    def test_it_is_there_or_says_why(self, name):
        """In a process of its own, where a GPU may be made the default."""
        (about,) = bench_run.work(Request(name, 1, [], [], 0), "default")
        reason = about.get("absent")
        if reason is None:
            assert about["device"]
        else:
            assert re.search(r"pip install 'yolo-losses\[|sees no|finds no|cannot", reason)
        assert name != "numpy" or about == {"device": "cpu"}

    @pytest.mark.parametrize("version", ["v1", "v3"])
    def test_torch(self, version):
        pytest.importorskip("torch")
        found = measured(SMOKE[version], open_way("torch", 1), memory=True)
        assert {
            name: entry.get("right") for name, entry in found["calls"].items()
        } == dict.fromkeys(results.CALLS, True)
        assert found["memory"]["bytes"] > 0

    def test_jax(self):
        pytest.importorskip("jax")
        found = measured(SMOKE["v2"], open_way("jax", 1), memory=True)
        right = {name: entry.get("right") for name, entry in found["calls"].items()}
        assert right == {**dict.fromkeys(results.CALLS, True), "workspace": None}
        assert found["memory"]["bytes"] > 0

    def test_compile_time(self):
        pytest.importorskip("jax")
        request = Request("jax", 1, [SMOKE["v1"]], [], 0, compile=True)
        about, timed = in_process(request, "warm")
        assert about == {"device": "cpu"}
        assert 0.01 < timed["seconds"] < 100
        *_, nothing = in_process(request._replace(way="numpy"), "warm")
        assert nothing == {"absent": "nothing is compiled"}


def plan(**changes):
    usual = bench_run.Plan(
        ways=["numpy"], versions=["v3"], configs=[], rules=["prior"], truths=3,
        calls=results.CALLS, runs=2, allocator="warm", threads=1, memory=True, compile_time=False,
        smoke=True,
    )  # fmt: skip
    return usual._replace(**changes)


def quiet(way, done, total):
    pass


class TestRun:
    def test_problems(self):
        of = bench_run.problems_of
        usual = plan(smoke=False, rules=problems.RULES)
        assert {p.config for p in of(usual, "numpy")} == {"A", "B"}
        assert {p.config for p in of(usual, "torch-cuda")} == {"A", "B", "C"}
        assert {p.config for p in of(usual._replace(configs=["C"]), "numpy")} == {"C"}

    def test_progress(self, monkeypatch):
        monkeypatch.setattr(bench_run, "work", in_process)
        seen = []
        bench_run.run(plan(versions=["v1", "v3"]), lambda *args: seen.append(args))
        assert seen == [("numpy", 0, 2), ("numpy", 1, 2), ("numpy", 2, 2)]

    def test_an_absent_way(self, monkeypatch):
        def absent(request, allocator):
            yield {"absent": "no such thing"}

        monkeypatch.setattr(bench_run, "work", absent)
        result = bench_run.run(plan(), quiet)
        assert result["ways"] == {"numpy": {"absent": "no such thing"}}
        assert result["measurements"] == []

    @pytest.mark.parametrize(
        ("code", "part"),
        [
            ("import sys; sys.exit('no luck')", "ended with code 1: no luck"),
            ("import os; os.kill(os.getpid(), 9)", "ended by signal 9"),
            ("pass", "said nothing"),
        ],
    )
    def test_a_worker_that_dies(self, code, part, monkeypatch):
        monkeypatch.setattr(environment, "command", lambda: [sys.executable, "-c", code])
        result = bench_run.run(plan(), quiet)
        (found,) = result["measurements"]
        assert all(part in entry["failed"] for entry in found["calls"].values())
        assert len(results.problems_of(result)) == len(results.CALLS)

    def test_a_worker_that_dies_later(self, monkeypatch):
        def dies(request, allocator):
            answers = in_process(request, allocator)
            yield next(answers)
            yield next(answers)
            raise bench_run.Died(*["too early"])

        monkeypatch.setattr(bench_run, "work", dies)
        first, second = bench_run.run(plan(versions=["v1", "v2"]), quiet)["measurements"]
        assert first["calls"]["loss"]["right"]
        assert second["calls"]["loss"] == {"failed": "too early"}

    def test_compile_times(self, monkeypatch):
        seconds = {8: 1.0, 300: 1.5}

        def compiles(request, allocator):
            yield {"device": "cpu"}
            for problem in request.problems:
                timed = {"seconds": seconds[problem.truths]} if request.compile else None
                yield timed or made(problem, {"loss": 1.0}, way="jax")

        monkeypatch.setattr(bench_run, "work", compiles)
        asked = plan(ways=["jax"], smoke=False, configs=["A", "B"], compile_time=True)
        first, second = bench_run.run(asked, quiet)["measurements"]
        assert first["compile"] == {"8": 1.0, "300": 1.5}
        assert "compile" not in second

    def test_a_compiler_that_dies(self, monkeypatch):
        def dies(request, allocator):
            yield from [] if request.compile else in_process(request, allocator)

        monkeypatch.setattr(bench_run, "work", dies)
        monkeypatch.setitem(WAYS, "numpy", WAYS["numpy"]._replace(compiles=True))
        result = bench_run.run(plan(compile_time=True), quiet)
        assert results.problems_of(result) == [
            "numpy v3 smoke prior, compile: failed: the worker said nothing"
        ]

    def test_request(self):
        request = Request("numpy", 2, [SMOKE["v1"], A_SHAPE], ["loss"], 5, memory=True)
        assert decode(encode(request)) == request


def assert_fails(result, *parts):
    """One line on stderr, exit code 2, nothing else."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("yolo-losses: ")
    for part in parts:
        assert str(part) in result.stderr


SUMMARY = {"n", "min", "median"}


class TestCommand:
    def test_smoke(self):
        """Real workers, JSON alone on stdout."""
        result = call("--smoke", "--way", "numpy", "--json", "-")
        assert result.exit_code == 0, result.output
        read = json.loads(result.stdout)
        assert set(read) == results.Result.__required_keys__
        assert (read["format"], read["yolo_losses"]) == (1, yl.__version__)
        assert (read["threads"], read["runs"]) == (1, 3)
        assert read["allocator"].startswith("warm" if environment.has_glibc() else "default")
        assert {"cpu", "cores", "memory", "os", "python", "libraries"} <= set(read["machine"])
        assert read["ways"] == {"numpy": {"device": "cpu"}}
        assert [m["version"] for m in read["measurements"]] == ["v1", "v2", "v3", "v4"]
        for m in read["measurements"]:
            assert set(m) - {"memory"} == results.Measurement.__required_keys__
            assert all(set(times) == SUMMARY for times in m["floors"].values())
            for name in ("loss", "loss_and_grad", "workspace"):
                entry = m["calls"][name]
                assert set(entry) == {"time", "ratio", "right", "difference"}
                assert set(entry["time"]) == SUMMARY and entry["time"]["n"] == 3
            assert set(m["memory"]) == {"bytes", "planes"}

    @pytest.mark.parametrize("way", ["torch", "jax"])
    def test_smoke_of_other_libraries(self, way, monkeypatch):
        pytest.importorskip(way)
        monkeypatch.setenv("COLUMNS", "80")
        result = call("--smoke", "--way", way, "--way", "cupy", "--version", "v1", "--no-memory")
        assert result.exit_code == 0, result.output
        assert result.stdout.count(" ok ") == (5 if way == "torch" else 4)
        assert "allocator" in result.stdout and "module" in result.stdout
        assert "cupy" in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 80

    def test_wrong_is_shown_and_exits_with_1(self, monkeypatch):
        monkeypatch.setattr(bench_run, "work", in_process)
        monkeypatch.setattr("yolo_losses.bench.ways.numpy.NumPy", Wrong)
        result = call("--smoke", "--way", "numpy", "--version", "v3")
        assert result.exit_code == 1
        assert result.stdout.count("WRONG") == 4  # two in the table, two lines below
        assert "numpy v3 smoke prior, loss: WRONG, off by 2.0e-04" in result.stdout

    def test_failures_exit_with_1(self, monkeypatch):
        monkeypatch.setattr(environment, "command", lambda: [sys.executable, "-c", "1 / 0"])
        result = call("--smoke", "--way", "numpy", "--version", "v1")
        assert result.exit_code == 1
        assert "ZeroDivisionError" in result.stdout

    def test_goals_are_listed(self, monkeypatch):
        def slow(request, allocator):
            yield {"device": "cpu"}
            for problem in request.problems:
                seconds = {"loss_and_grad": 4.5e-3, "workspace": 0.4e-3}
                yield made(problem, seconds, memory={"bytes": 1, "planes": 3.0})

        monkeypatch.setattr(bench_run, "work", slow)
        monkeypatch.setenv("COLUMNS", "80")
        result = call("--way", "numpy", "--version", "v3")
        assert result.exit_code == 0  # missed is not wrong
        lines = result.stdout.splitlines()
        assert "Goals: 10 met, 3 missed" in lines
        missed = [line for line in lines if line.startswith("missed: ")]
        assert missed == [
            "missed: numpy v3 A shape: loss + gradient, × floor: 4.5 > 4",
            "missed: numpy v3 B shape: loss + gradient, × floor: 4.5 > 2.5",
            "missed: numpy v3 B prior: loss + gradient, × floor: 4.5 > 3",
        ]
        assert "≤ 4 missed" in result.stdout and "≤ 5 met" in result.stdout
        assert "fill ≤ 1 met" in result.stdout

    def test_a_busy_machine(self, monkeypatch):
        def busy(request, allocator):
            yield {"device": "cpu"}
            for problem in request.problems:
                out = made(problem, {"loss": 1e-3})
                out["floors"]["floor"]["median"] *= 1.6
                yield out

        monkeypatch.setattr(bench_run, "work", busy)
        shown = " ".join(call("--way", "numpy", "--version", "v3").stdout.split())
        assert "The machine was busy: in 6 of 6 problems" in shown

    def test_sweep(self, tmp_path, monkeypatch):
        image = pytest.importorskip("PIL.Image")
        pytest.importorskip("matplotlib")
        monkeypatch.setattr(bench_run, "work", in_process)
        monkeypatch.setenv("COLUMNS", "80")
        png, out = tmp_path / "x.png", tmp_path / "x.json"
        result = call("--sweep", "--smoke", "--runs", 1, "--plot", png, "--json", out)
        assert result.exit_code == 0, result.output
        read = json.loads(out.read_text())
        assert [row["ignore_by"] for row in read["growth"]] == ["prior"]
        assert all(
            isinstance(read["growth"][0][f"{k}_exponent"], float) for k in ("batch", "truths")
        )
        assert {m["config"] for m in read["measurements"]} == {"smoke sweep"}
        assert {frozenset(m["calls"]) for m in read["measurements"]} == {
            frozenset({"loss_and_grad"})
        }
        assert "Growth" in result.stdout and "numpy v3, ms by batch" in result.stdout
        pixels = np.asarray(image.open(png).convert("RGB")).reshape(-1, 3)
        assert (pixels == (0xE6, 0x9F, 0x00)).all(axis=1).sum() > 300  # the line of the prior rule
        assert (pixels == (0x55, 0x55, 0x55)).all(axis=1).sum() > 100  # the floor

    def test_save(self, tmp_path, monkeypatch):
        monkeypatch.setattr(bench_run, "work", in_process)
        folder = tmp_path / "deep" / "results"
        for _ in range(2):
            assert (
                call("--smoke", "--way", "numpy", "--version", "v1", "--save", folder).exit_code
                == 0
            )
        first, second = sorted(path.name for path in folder.iterdir())
        slug = machine.slug(machine.cpu())
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d-{slug}-2\.json", first)
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d-{slug}\.json", second)
        assert json.loads((folder / second).read_text())["measurements"]

    @pytest.mark.parametrize(
        ("args", "part"),
        [
            (["--version", "v9"], "'v9'"),
            (["--way", "tf"], "'tf'"),
            (["--config", "D"], "'D'"),
            (["--ignore-by", "x"], "'x'"),
            (["--truths", "0"], "--truths"),
            (["--runs", "0"], "--runs"),
            (["--threads", "0"], "--threads"),
            (["--allocator", "cold"], "'cold'"),
            (["--plot", "x.png"], "add --sweep"),
            (["--sweep", "--plot", "x.pdf"], "*.png"),
            (["--sweep", "--config", "A"], "leave out --config"),
            (["--sweep", "--compile-time"], "leave out"),
            (["--json", "none/x.json"], "none/x.json"),
            (["--sweep", "--plot", "none/x.png"], "none/x.png"),
            (["more"], "unexpected"),
        ],
    )
    def test_bad_options(self, args, part, monkeypatch):
        monkeypatch.setattr(bench_run, "work", None)
        assert_fails(call(*args), part)

    def test_more_threads_than_processors(self):
        if not environment.processors():
            pytest.skip("the system does not say which processors are free")
        assert_fails(call("--threads", 100_000), "--threads must be at most")

    def test_folders(self, tmp_path):
        (tmp_path / "x").touch()
        assert_fails(call("--save", tmp_path / "x"), tmp_path / "x")
        assert_fails(call("--json", tmp_path), tmp_path)

    def test_nothing_to_measure(self, monkeypatch):
        monkeypatch.setattr(bench_run, "work", lambda *args: iter([{"absent": "it is away"}]))
        result = call("--way", "cupy")
        assert result.exit_code == 2
        assert "nothing can be measured: cupy: it is away" in result.stderr

    @pytest.mark.parametrize(
        ("missing", "args"), [("rich", []), ("matplotlib", ["--sweep", "--plot", "x.png"])]
    )
    def test_what_is_missing(self, missing, args, monkeypatch):
        monkeypatch.setitem(sys.modules, missing, None)
        part = f"the benchmark needs {missing}: pip install 'yolo-losses[bench]'"
        assert_fails(call(*args), part)

    def test_help(self):
        result = call("--help")
        assert result.exit_code == 0
        assert "Examples:\n    yolo-losses bench " in result.stdout
        assert all(option.help for option in main.commands["bench"].params)
