"""The comparison names what was planted, and raises no alarm where nothing was."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import yolo_losses as yl
from tests.support.cases import CASES, ids
from tests.support.planted_slips import PLANTED
from tests.support.planting import result, scene
from yolo_losses.cli import main
from yolo_losses.crosscheck import compare
from yolo_losses.crosscheck.variant import variant

VERSIONS = ("v1", "v2", "v3", "v4")
EACH = [(p, v) for p in PLANTED for v in p.versions]
# One seed shows a slip that another does not: thresholds that no anchor is below, say.
SEED = {"above-threshold-only": 1}
# v1's collision keeps the cell: which truth it is shows in the box alone where no one hands in
# the matches.
LATER = {("last-keeps", "v1"): "box", ("eps-in-union", "v2"): "obj"}


def planted(version, slips=(), seed=0, dtype="float64"):
    """Inputs and an implementation's numbers."""
    raw, truths, fields = scene(version, seed)
    config = getattr(yl, version).Config(**fields)
    targets = yl.Targets(truths.boxes, truths.labels, truths.valid)
    raw = [x.astype(dtype) for x in raw] if isinstance(raw, list) else raw.astype(dtype)
    return result(version, raw, targets, config, slips, dtype), raw, targets, config


def names(explanation, slips):
    """Whether an explanation is these slips, or a class that holds them."""
    found = explanation.names
    return len(found) == len(slips) and all(
        any(set(f) & set(s.names) for f in found) for s in slips
    )


def test_counts_of_the_scenes_are_told_apart():
    for version in VERSIONS:
        found, raw, _, config = planted(version)
        heads = raw if isinstance(raw, list) else [raw]
        positives = int(sum(v.sum() for v in found["responsible"]))
        counts = [len(heads[0]), found["cls"][0].shape[-1], positives]
        counts += [len(heads)] if len(heads) > 1 else []
        weights = [v for k, v in vars(config).items() if k.startswith("lambda")]
        assert len({*counts, *weights, 1, 2}) == len(counts) + len(weights) + 2


@pytest.mark.parametrize(("slip", "version"), EACH, ids=lambda x: getattr(x, "name", x))
def test_a_planted_slip_is_named(slip, version):
    answer = compare(*planted(version, {slip.name}, SEED.get(slip.name, 0)))
    assert answer.difference is not None
    assert answer.difference.stage == LATER.get((slip.name, version), slip.stage)
    assert answer.difference.place
    assert any(names(e, [slip]) for e in answer.explanations), str(answer)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("block", range(5))
def test_no_false_alarm(version, dtype, block):
    """200 right implementations."""
    for seed in range(5 * block, 5 * block + 5):
        answer = compare(*planted(version, seed=seed, dtype=dtype), search=False)
        assert answer.agrees, str(answer)


def right(case, dtype):
    """The package's own numbers, and the raw outputs."""
    raw = [x.astype(dtype) for x in case.heads]
    raw = tuple(raw) if case.version in ("v3", "v4") else raw[0]
    terms, grad = case.module.loss_and_grad(raw, case.targets, case.config)
    matches = case.module.assign(raw, case.targets, case.config)
    matches = matches if case.version in ("v3", "v4") else (matches,)
    kinds = {k: [getattr(m, k) for m in matches] for k in ("iou", "responsible", "ignored")}
    return {"terms": terms, "total": terms.total, "grad": grad, **kinds}, raw


@pytest.mark.parametrize("case", CASES, ids=ids)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_package_agrees_with_itself(case, dtype):
    found, raw = right(case, dtype)
    answer = compare(found, raw, case.targets, case.config, search=False)
    assert answer.agrees, str(answer)


def pairs(version):
    rng = np.random.default_rng(int(version[1]))
    pool = [p for p in PLANTED if version in p.versions and p.name != "float32-inside"]
    for _ in range(30):
        a, b = rng.choice(len(pool), size=2, replace=False)
        if pool[a].name.split("-")[0] != pool[b].name.split("-")[0]:
            yield pool[a], pool[b]


@pytest.mark.parametrize("version", VERSIONS)
def test_most_pairs_are_named(version):
    hits = []
    for a, b in pairs(version):
        answer = compare(*planted(version, {a.name, b.name}), seconds=10)
        if not answer.agrees:
            found = [n for e in answer.explanations for n in e.names]
            one_hides = any(
                names(e, [s]) and e.fit.full for e in answer.explanations for s in (a, b)
            )
            both = all(any(said(n, s) for n in found) for s in (a, b))
            hits.append(both or one_hides)
    assert len(hits) >= 15
    assert np.mean(hits) >= 0.7, np.mean(hits)


def said(names, slip):
    """A factor that several terms share is named with all of them: box+cls-over-K."""
    heads = [n.split("-", 1) for n in names if "+" in n]
    spread = {f"{t}-{rest[0]}" for head, *rest in heads for t in head.split("+") if rest}
    return bool((set(names) | spread) & set(slip.names))


# Less than everything is handed in.

PARTS = {
    "terms": lambda f: {"terms": f["terms"]},
    "sums of terms": lambda f: {"terms": {k: v.sum() for k, v in f["terms"].items()}},
    "total": lambda f: {"total": f["total"]},
    "gradient": lambda f: {"grad": f["grad"]},
    "total and gradient": lambda f: {"total": f["total"], "grad": f["grad"]},
}
# A sum in a smaller type is no number of that type where only a total is handed in.
SHOWN = [(p, v) for p, v in EACH if p.name != "float32-inside"]


@pytest.mark.parametrize("part", PARTS)
def test_single_slips_are_named_from_some_results(part):
    """At least 95 in 100 of those that show at all; one of 25 in turn."""
    hits, start = {}, list(PARTS).index(part)
    for slip, version in SHOWN[start::25]:
        found, *rest = planted(version, {slip.name}, SEED.get(slip.name, 0))
        answer = compare(PARTS[part](found), *rest, seconds=10)
        if not answer.agrees:
            hits[slip.name, version] = any(
                e.fit.full and same(e, slip) for e in answer.explanations
            )
    assert len(hits) >= 8
    assert np.mean(list(hits.values())) >= 0.95, [k for k, hit in hits.items() if not hit]


def same(explanation, slip):
    """Whether one convention is the slip, by whatever result shows it."""
    kind = slip.name.split("-", 1)[-1]
    found = explanation.names
    said = {n.split("-", 1)[-1] for names in found for n in names}
    ends = {n.split("-", 1)[-1] for n in slip.names}
    return len(found) == 1 and bool(said & {kind, *ends} or set(found[0]) & set(slip.names))


def noise(version, seed):
    """An implementation's numbers, each wrong by a factor of its own."""
    found, *rest = planted(version, seed=seed, dtype=("float64", "float32")[seed % 2])
    rng = np.random.default_rng(seed)

    def wrong(x):
        return (x * np.exp(rng.normal(scale=0.3, size=x.shape))).astype(x.dtype)

    terms = {k: wrong(v) for k, v in found["terms"].items()}
    total = sum(terms.values()).sum(axis=1)
    return {"terms": terms, "total": total, "grad": [wrong(x) for x in found["grad"]]}, rest


@pytest.mark.parametrize("version", VERSIONS)
def test_noise_is_not_explained(version):
    """50 batches."""
    parts = [*PARTS.values(), lambda f: {"total": f["total"].sum()}]
    for seed in range(13):
        found, rest = noise(version, seed)
        answer = compare(parts[seed % len(parts)](found), *rest, seconds=0.5)
        assert not answer.agrees
        assert not any(e.fit.full for e in answer.explanations), str(answer)
        assert not answer.programs


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_finite_is_not_explained(version):
    found, *rest = planted(version)
    total = np.full_like(found["total"], np.nan)
    answer = compare({"total": total}, *rest, seconds=0.5)
    assert not answer.agrees
    assert answer.explanations == []


def test_what_no_convention_does_is_not_explained():
    found, *rest = planted("v3")
    answer = compare({**found, "boxes": [x + 1e-3 for x in found["boxes"]]}, *rest)
    assert answer.difference.stage == "decode"
    assert answer.explanations == []
    assert "No known convention explains it" in str(answer)


# What is handed in, and how.


def test_a_callable_may_give_terms_and_gradient():
    case = next(c for c in CASES if c.name == "v3-plain")
    answer = compare(yl.v3.loss_and_grad, case.raw, case.targets, case.config)
    assert answer.agrees
    halved = compare(lambda *a: yl.v3.loss(*a).total / 3, case.raw, case.targets, case.config)
    assert not halved.agrees
    assert halved.difference.stage == "total"


def saved(tmp_path, of="v3", **changes):
    found, raw, targets, config = planted(of)
    heads = raw if isinstance(raw, list) else [raw]
    arrays = {f"raw.{s}": x for s, x in enumerate(heads)}
    arrays |= {f"targets.{k}": v for k, v in targets._asdict().items()}
    arrays |= {f"grad.{s}": x for s, x in enumerate(found["grad"])}
    arrays |= {f"boxes.{s}": x for s, x in enumerate(found["boxes"])}
    arrays |= {f"terms.{k}": v for k, v in found["terms"].items()}
    arrays |= {"version": np.array(of), "config": np.array(json.dumps(vars(config)))}
    arrays = {k: v for k, v in {**arrays, **changes}.items() if v is not None}
    np.savez(tmp_path / "mine.npz", **arrays)
    return tmp_path / "mine.npz", arrays


def run(*args):
    done = CliRunner().invoke(main, ["compare", *map(str, args)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_that_agrees(tmp_path, version):
    done = run(saved(tmp_path, version)[0])
    assert done.exit_code == 0, done.output
    assert "Everything that was handed in agrees." in done.output


def test_a_file_that_differs(tmp_path):
    path, arrays = saved(tmp_path)
    path, _ = saved(tmp_path, **{"terms.box": arrays["terms.box"] * 0.75})
    done = run(path, "--json", tmp_path / "answer.json")
    assert done.exit_code == 1
    assert "iou_normalizer" in done.output
    answer = json.loads((tmp_path / "answer.json").read_text(encoding="utf-8"))
    assert answer["difference"]["stage"] == "box"
    assert json.loads(run(path, "--json", "-", "--no-search").output)["agrees"] is False


def test_a_picture_of_the_errors(tmp_path):
    path, arrays = saved(tmp_path)
    path, _ = saved(tmp_path, **{"boxes.1": arrays["boxes.1"] + 0.01})
    done = run(path, "--no-search", "--picture", tmp_path / "errors.png")
    assert done.exit_code == 1, done.output
    assert (tmp_path / "errors.png").stat().st_size > 1000


def test_safetensors(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    _, arrays = saved(tmp_path)
    words = {k: str(v) for k, v in arrays.items() if v.dtype.kind == "U"}
    arrays = {k: np.ascontiguousarray(v) for k, v in arrays.items() if k not in words}
    path = tmp_path / "mine.safetensors"
    numpy.save_file(arrays, path, words)
    assert run(path).exit_code == 0
    path.write_bytes(path.read_bytes()[:-100])
    assert run(path).exit_code == 2


BAD = {
    "no raw outputs": ({f"raw.{s}": None for s in range(3)}, "raw outputs are missing"),
    "no truths": ({"targets.boxes": None}, "truths are missing"),
    "a head too few": ({"grad.2": None}, "one a head"),
    "a wrong shape": ({"grad.0": np.zeros((5, 14, 3, 4, 6))}, "must have shape"),
    "NCHW": ({"raw.0": np.zeros((5, 24, 3, 4))}, "is it NCHW"),
    "NaN": ({"raw.0": np.full((5, 3, 4, 2, 12), np.nan)}, "NaN"),
    "objects": ({"grad.0": np.array([{}, None], dtype=object)}, "cannot be read"),
    "strings": ({"terms.box": np.array(["a"])}, "numbers"),
    "integers": ({f"raw.{s}": np.zeros((5, 3, 4, 2, 12), int) for s in range(3)}, "floating"),
    "a config of another kind": ({"config": np.array('{"stride": 8}')}, "fields of Config"),
    "a config that is no JSON": ({"config": np.array("{")}, "JSON"),
    "no such version": ({"version": np.array("v9")}, "version"),
    "a config that does not fit": ({"config": np.array("coco")}, "must have shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_message(tmp_path, name):
    changes, words = BAD[name]
    done = run(saved(tmp_path, **changes)[0])
    assert done.exit_code == 2, done.output
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert words in lines[0]


def test_a_truncated_file_is_one_message(tmp_path):
    path, _ = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:-300])
    assert run(path).exit_code == 2


def test_nothing_to_compare(tmp_path):
    _, raw, targets, config = planted("v2")
    with pytest.raises(ValueError, match="nothing to compare"):
        compare({}, raw, targets, config)


def test_a_slip_that_is_out_of_date_is_no_slip():
    """A name that no longer exists is an error that the search does not pass over."""
    with pytest.raises(NameError, match=r"iou\._none"):
        variant(yl.v4, [("iou._none", lambda inner: inner)])
