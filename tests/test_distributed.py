"""The examples of many machines run, what they claim holds, and they fail where it does not."""

import json
import os
import re
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conformance.backends import leaves, tree_map
from conformance.distributed.collectives import collectives
from tests.support.cases import PLAIN, random

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "conformance" / "distributed"
TOLERANCE = 1e-10
IGNORE = (None, "shape", "prior", "prediction")

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's means")


def python(*args):
    """A fresh interpreter; XLA is told to hurry, which leaves what is sent as it is."""
    env = os.environ | {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
    command = [sys.executable, *args]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def output_of(*args):
    done = python(*args)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout


def answer_of(function, *args):
    """What a function of this file says in a process of its own: JAX counts its devices once."""
    call = f"{function}({', '.join(map(repr, args))})"
    code = f"import json; from tests.test_distributed import {function}; print(json.dumps({call}))"
    return json.loads(output_of("-c", code).splitlines()[-1])


def test_readme_names_every_example():
    commands = re.findall(
        r"python -m conformance\.distributed\.(\w+)",
        (EXAMPLES / "README.md").read_text(encoding="utf-8"),
    )
    examples = {p.stem for p in EXAMPLES.glob("*.py") if "__main__" in p.read_text("utf-8")}
    assert set(commands) == examples == {"torch_ddp", "jax_mesh", "dask_chunks"}


# torch.distributed.


@pytest.mark.parametrize("sizes", [(), ("0", "4")], ids=str)
def test_processes_share_a_batch(sizes):
    """One gradient on all of them, that of the whole batch; the mean of local means is another."""
    pytest.importorskip("torch")
    header, *rows = output_of("-m", "conformance.distributed.torch_ddp", *sizes).splitlines()
    assert header.split()[0] == "parameter"
    assert len(rows) == 6
    for row in rows:
        largest, shared, local = map(float, row.split()[1:])
        assert largest > 0.1
        assert shared < TOLERANCE
        assert local > 1e-2


def test_torch_example_fails_on_other_gradients():
    """The one process sees other truths than the two."""
    pytest.importorskip("torch")
    code = """
from conformance.distributed import torch_ddp
draw = torch_ddp.draw_truths
torch_ddp.draw_truths = lambda *args: draw(*args)._replace(valid=draw(*args).valid & False)
torch_ddp.main((2,))
"""
    done = python("-c", code)
    assert done.returncode == 1
    assert "do not give the gradient of the whole batch" in done.stderr


# JAX.


def one_by_one(version):
    """Every option of a version on a mesh, held against NumPy."""
    from conformance.distributed import jax_mesh

    mesh = jax_mesh.mesh_of_cpus()
    options = IGNORE if version in ("v3", "v4") else ("",)
    return [row for by in options for row in facts(mesh, case_on_mesh(version, by))]


def case_on_mesh(version, ignore_by):
    config = PLAIN[version].config
    if ignore_by != "":
        config = replace(config, ignore_by=ignore_by, ignore_threshold=0.3)
    return random(f"mesh-{ignore_by}", version, config, n=8)


def facts(mesh, case):
    import jax

    from conformance.distributed import jax_mesh

    by_image = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    terms, grads = case.module.loss_and_grad(case.raw, case.targets, case.config)
    mean = (terms.total.mean(), tree_map(lambda g: g / len(g), grads))
    want = {"loss_and_grad": (terms, grads), "value_and_grad": mean}
    for name, program in jax_mesh.programs(case.module, case.config).items():
        run = jax_mesh.run_on(mesh, program, case.raw, case.targets)
        split = leaves(run.result[1])
        yield {
            "program": f"{case.name} {name}",
            "difference": jax_mesh.largest_difference(leaves(run.result), leaves(want[name])),
            "largest": max(float(np.abs(v).max()) for v in leaves(want[name])),
            "sent": [(c.kind, c.elements) for c in run.sent],
            "by image": all(g.sharding.is_equivalent_to(by_image, g.ndim) for g in split),
            "shards": [[s.data.shape[0] for s in g.addressable_shards] for g in split],
        }


@pytest.mark.parametrize("version", list(PLAIN))
def test_mesh_gives_what_one_device_gives_and_sends_one_number(version):
    pytest.importorskip("jax")
    rows = answer_of("one_by_one", version)
    assert len(rows) == (8 if version in ("v3", "v4") else 2)
    for row in rows:
        assert row["difference"] < TOLERANCE, row
        assert row["largest"] > 0.1, row
        assert row["by image"], row
        assert {tuple(held) for held in row["shards"]} == {(2, 2, 2, 2)}, row
        alone = row["program"].endswith("loss_and_grad")
        assert row["sent"] == ([] if alone else [["all-reduce", 1]]), row


def test_mesh_example():
    pytest.importorskip("jax")
    _, *rows = output_of("-m", "conformance.distributed.jax_mesh").splitlines()
    assert [row.split()[0] for row in rows] == ["loss_and_grad", "value_and_grad"]
    assert [row.split("]")[1].strip() for row in rows] == ["none", "all-reduce of 1"]


def talkative():
    """What programs send that do send, and what the example says to one of them."""
    import jax
    import jax.numpy as jnp

    from conformance.distributed import jax_mesh

    mesh, spec = jax_mesh.mesh_of_cpus(), jax.sharding.PartitionSpec
    rng, n = np.random.default_rng(0), np.arange(8)[:, None]
    x, at = rng.normal(size=(8, 40, 6)), rng.integers(40, size=(8, 5))

    def by_hand(f, out=spec("batch")):  # noqa: B008
        return jax.shard_map(f, mesh=mesh, in_specs=(spec("batch"),) * 2, out_specs=out)

    def scatter_sums(x, at):
        return jax.lax.psum_scatter(x, "batch", scatter_dimension=1, tiled=True)

    programs = {
        "gather": lambda x, at: x[n, at],
        "scatter": lambda x, at: jnp.zeros_like(x).at[n, at].add(1.0),
        "batched gather": lambda x, at: jnp.take_along_axis(x, at[..., None], axis=1),
        "two sums": lambda x, at: (x.sum(0), (x * x)[:, :7].sum(0)),
        "all gathered": by_hand(lambda x, at: jax.lax.all_gather(x, "batch")),
        "scattered sums": by_hand(scatter_sums, spec(None, "batch")),
        "passed on": by_hand(lambda x, at: jax.lax.ppermute(x, "batch", [(0, 1), (1, 0)])),
        "exchanged": by_hand(lambda x, at: jax.lax.all_to_all(x, "batch", 1, 0, tiled=True)),
    }
    sent = {
        name: [(c.kind, c.elements) for c in jax_mesh.run_on(mesh, program, x, at).sent]
        for name, program in programs.items()
    }
    jax_mesh.programs = lambda *_: {"bad": lambda raw, t: (0.0, raw[0][n, np.zeros_like(n)])}
    try:
        jax_mesh.main()
    except SystemExit as end:
        sent["example"] = str(end)
    return sent


def test_what_talks_is_heard():
    """Indexing across the batch is what the losses must not do; here it is found out."""
    pytest.importorskip("jax")
    sent = answer_of("talkative")
    assert max(size for _, size in sent.pop("gather")) >= 8 * 5 * 6
    assert max(size for _, size in sent.pop("scatter")) >= 8 * 40 * 6
    assert sent.pop("example").endswith("bad")
    assert sent == {
        "batched gather": [],
        "two sums": [["all-reduce", 40 * 6 + 7 * 6]],
        "all gathered": [["all-gather", 8 * 40 * 6]],
        "scattered sums": [["reduce-scatter", 2 * 40 * 6]],
        "passed on": [["collective-permute", 2 * 40 * 6]],
        "exchanged": [["all-to-all", 2 * 40 * 6]],
    }


HLO = {
    "a number": ("%s.1 = f32[] all-reduce(%p), channel_id=1, to_apply=%add", [("all-reduce", 6)]),
    "root": ("ROOT %a = f32[8,3]{1,0} all-gather(%p), dimensions={0}", [("all-gather", 24)]),
    "no percent": ("a = f32[8,3]{1,0} all-gather(p), dimensions={0}", [("all-gather", 24)]),
    "tuple": (
        "%r = (f32[10]{0}, /*index=1*/pred[2,2]{1,0:T(8,128)(4,1)}) all-reduce(%x, %y)",
        [("all-reduce", 14)],
    ),
    "start": (
        "%g = ((f32[2,3]{1,0}), (f32[8,3]{1,0:T(8,128)S(1)})) all-gather-start(%p), channel_id=2\n"
        "%d = f32[8,3]{1,0} all-gather-done(%g)",
        [("all-gather", 30)],
    ),
    "permuted": (
        "%c = (f32[2,3]{1,0}, f32[2,3]{1,0}, u32[], u32[]) collective-permute-start(%p)\n"
        "%e = f32[2,3]{1,0} collective-permute-done(%c)",
        [("collective-permute", 14)],
    ),
    "async": (
        "%w {\n  %q = f32[2,3]{1,0} parameter(0)\n"
        "  ROOT %t = f32[2,3]{1,0} all-to-all(%q), dimensions={0}\n}\n"
        "%b = ((f32[2,3]{1,0}), f32[2,3]{1,0}, u32[]) async-start(%p), calls=%w\n"
        "%f = f32[2,3]{1,0} async-done(%b), calls=%w",
        [("all-to-all", 6)],
    ),
    "operands are more": ("%h = f32[1,3]{1,0} reduce-scatter(%p)", [("reduce-scatter", 6)]),
    "operands with types": (
        "%h = f32[1,3]{1,0} reduce-scatter(f32[2,3]{1,0:T(8,128)} %p), dimensions={0}",
        [("reduce-scatter", 6)],
    ),
    "at most": ("%a = bf16[<=8,3]{1,0} all-gather(%p)", [("all-gather", 24)]),
    "nothing": ("%a = f32[0,3]{1,0} all-gather(%z)", [("all-gather", 0)]),
    "sent": ("%n = (f32[2,3]{1,0}, u32[], token[]) send(%p, %k)", [("send", 7)]),
    "by name only": (
        "%all-reduce.1 = f32[9]{0} fusion(%p), calls=%all-gather\n"
        '%u = f32[9]{0} add(%p, %p), metadata={op_name="x = f32[9] all-reduce(y)"}\n'
        "%v = f32[9]{0} get-tuple-element(%all-to-all.2), index=0",
        [],
    ),
}


@pytest.mark.parametrize("name", list(HLO))
def test_collectives_of_a_text(name):
    lines, want = HLO[name]
    text = f"HloModule m\n\nENTRY %main {{\n  %p = f32[2,3]{{1,0}} parameter(0)\n{lines}\n}}\n"
    assert [(c.kind, c.elements) for c in collectives(text)] == want


@pytest.mark.parametrize("text", ["", "module @jit_f {}", "HloModule m\n%a = (f32[2] all-gather"])
def test_collectives_of_no_program(text):
    with pytest.raises(ValueError, match="collectives: "):
        collectives(text)


# dask.


@linux
def test_set_larger_than_memory():
    pytest.importorskip("dask")
    printed = output_of("-m", "conformance.distributed.dask_chunks")
    raw, memory = map(float, re.findall(r"([\d.]+) GB", printed))
    assert raw > 3 * memory
    differences = re.findall(r"\d\.\de[+-]\d\d", printed)
    assert len(differences) == 2
    assert max(map(float, differences)) < TOLERANCE


@linux
def test_the_limit_of_memory_holds():
    """As one chunk the set does not fit."""
    pytest.importorskip("dask")
    code = "from conformance.distributed import dask_chunks as d; d.CHUNK = d.IMAGES; d.main()"
    done = python("-c", code)
    assert done.returncode == 1
    assert "MemoryError" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("version", list(PLAIN))
def test_dask_finishes_a_chunk_before_the_next(version):
    """Each chunk of raw outputs is read once, and none is held when another one is read."""
    da = pytest.importorskip("dask.array")
    import dask

    case, read = random("chunks", version, PLAIN[version].config, n=8), []

    def lazily(x):
        def part(block_id):
            n = block_id[0]
            held = {number for number, ref in read if ref() is not None}
            assert held <= {n}
            out = x[2 * n : 2 * n + 2].copy()
            read.append((n, weakref.ref(out)))
            return out

        chunks = ((2,) * 4, *((size,) for size in x.shape[1:]))
        return da.map_blocks(part, chunks=chunks, meta=np.empty((0,) * x.ndim))

    targets = tree_map(lambda v: da.from_array(v, chunks=(2, *v.shape[1:])), case.targets)
    terms = case.module.loss(tree_map(lazily, case.raw), targets, case.config)
    assert read == []
    (got,) = dask.compute(terms, scheduler="synchronous")
    assert sorted(n for n, _ in read) == sorted([*range(4)] * len(case.heads))
    want = case.module.loss(case.raw, case.targets, case.config)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=0, atol=TOLERANCE)
