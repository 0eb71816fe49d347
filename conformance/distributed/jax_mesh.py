"""JAX: a batch split over four devices, by the code that runs on one.

Run it by `python -m conformance.distributed.jax_mesh`.

Raw outputs and truths are put on a mesh of devices, two images on each, and `jax.jit` compiles
the ordinary functions for it. Matching, reading and writing work image by image, so every device
keeps to its own: a compiled `loss_and_grad` sends nothing at all, and the mean over the batch
one number. The gradient comes back split as the raw outputs were.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

import yolo_losses as yl
import yolo_losses.jax
from conformance.distributed.batch import draw_heads, draw_truths
from conformance.distributed.collectives import Collective, collectives

DEVICES, IMAGES, TOLERANCE = 4, 8, 1e-10
ANCHORS = ((12, 18), (28, 16), (22, 44), (52, 34))
CONFIG = yl.v3.Config(ANCHORS, masks=((2, 3), (0, 1)), strides=(16, 8))


def mesh_of_cpus() -> Mesh:
    """Four devices that one CPU stands in for; to be asked for before JAX computes anything."""
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", DEVICES)
    jax.config.update("jax_enable_x64", True)
    return jax.make_mesh((DEVICES,), ("batch",), axis_types=(AxisType.Auto,))


def programs(module: Any, config: Any) -> dict[str, Callable[..., Any]]:
    """Two ways to a gradient, each a function of raw outputs and truths."""

    def loss_and_grad(raw: Any, targets: yl.Targets) -> Any:
        return module.loss_and_grad(raw, targets, config)

    def mean_loss(raw: Any, targets: yl.Targets) -> jax.Array:
        return yolo_losses.jax.loss(raw, targets, config).total.mean()

    return {"loss_and_grad": loss_and_grad, "value_and_grad": jax.value_and_grad(mean_loss)}


class Run(NamedTuple):
    """What a program gives on a mesh, and what its devices send to one another for it."""

    result: Any
    sent: list[Collective]


def run_on(mesh: Mesh, program: Callable[..., Any], *args: Any) -> Run:
    """Split the arguments by their first axis, the images, over the mesh; compile and run."""
    by_image = NamedSharding(mesh, PartitionSpec("batch"))
    split = jax.device_put(args, by_image)
    compiled = jax.jit(program).lower(*split).compile()
    return Run(compiled(*split), collectives(compiled.as_text()))


def images_per_device(gradients: Any) -> set[int]:
    """How many images of a gradient the devices hold."""
    shards = [shard for g in jax.tree.leaves(gradients) for shard in g.addressable_shards]
    return {shard.data.shape[0] for shard in shards}


def largest_difference(got: Any, want: Any) -> float:
    """Over all arrays of two trees."""
    differences = jax.tree.map(lambda g, w: np.abs(np.asarray(g) - np.asarray(w)).max(), got, want)
    return float(np.max(jax.tree.leaves(differences)))


def main() -> None:
    """Compare the mesh with one device; exit with 1 if they differ or too much is sent."""
    mesh, rng = mesh_of_cpus(), np.random.default_rng(0)
    batch = draw_heads(rng, IMAGES, CONFIG), draw_truths(rng, IMAGES)
    faults = []
    print(f"{'program':<16}{'difference':>12}{'images a device':>18}   numbers sent")
    for name, program in programs(yl.v3, CONFIG).items():
        run = run_on(mesh, program, *batch)
        difference = largest_difference(run.result, jax.jit(program)(*batch))
        held = images_per_device(run.result[1])
        numbers = sum(c.elements for c in run.sent)
        sent = ", ".join(f"{c.kind} of {c.elements}" for c in run.sent) or "none"
        print(f"{name:<16}{difference:>12.1e}{sorted(held)!s:>18}   {sent}")
        if not (difference < TOLERANCE and held == {IMAGES // DEVICES} and numbers <= 1):
            faults.append(name)
    if faults:
        sys.exit(f"not what one device gives, or not by image: {', '.join(faults)}")


if __name__ == "__main__":
    main()
