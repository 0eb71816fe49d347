"""PyTorch: DistributedDataParallel with unequal batches.

Run it by `python -m conformance.distributed.torch_ddp`, or with the images of each process:
`python -m conformance.distributed.torch_ddp 3 5 1`.

The terms of a loss are sums over one image, whichever process sees it. Only the mean over the
batch has to be shared out. DistributedDataParallel averages gradients over the processes, so the
gradient of the mean over *all* images comes from

    local loss = Σ total · processes / images of all processes

The mean of the local means would weigh the images of a small batch more. Both are compared with
the gradient of one process that has the whole batch.
"""

import gc
import sys
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

import yolo_losses as yl
from conformance.distributed.batch import CLASSES, draw_truths
from yolo_losses.torch import YOLOLoss

ANCHORS = ((12, 18), (28, 16), (22, 44), (52, 34))
CONFIG = yl.v4.Config(ANCHORS, masks=((2, 3), (0, 1)), strides=(16, 8), scale_xy=(1.1, 1.2))
TOLERANCE = 1e-10


class Network(nn.Module):
    """Images (N, 3, 64, 64) to the raw outputs of two heads; every process draws equal weights."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Conv2d(3, 8, kernel_size=8, stride=8, dtype=torch.float64)
        self.coarse = nn.Conv2d(8, 2 * (5 + CLASSES), 2, stride=2, dtype=torch.float64)
        self.fine = nn.Conv2d(8, 2 * (5 + CLASSES), 1, dtype=torch.float64)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(N, H, W, 2, 5 + K), one for each head."""
        x = torch.tanh(self.backbone(images))
        return yl.grid.from_nchw(self.coarse(x), 2), yl.grid.from_nchw(self.fine(x), 2)


def share_of_global_mean(total: Tensor) -> Tensor:
    """What the images of this process add to the mean over those of all, times the processes."""
    images = torch.tensor(len(total))
    dist.all_reduce(images)
    return total.sum() * dist.get_world_size() / images


def gradients(
    network: nn.Module, reduce: Callable[[Tensor], Tensor], batch: int, images: slice
) -> list[Tensor]:
    """Of all parameters, for a loss reduced from the totals of some images of the batch."""
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.normal(size=(batch, 3, 64, 64))[images])
    targets = yl.Targets(*(torch.from_numpy(v[images]) for v in draw_truths(rng, batch)))
    network.zero_grad()
    terms = YOLOLoss(CONFIG)(network(pixels), targets)
    reduce(terms.total).backward()
    return [p.grad.clone() for p in network.parameters()]


def work(rank: int, sizes: Sequence[int], folder: str) -> None:
    """One process: the gradients after its share of the batch, written to a file."""
    torch.set_num_threads(1)
    rendezvous = f"file://{folder}/rendezvous"
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=len(sizes))
    images = slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))
    torch.save(both_means(sum(sizes), images), f"{folder}/{rank}.pt")
    # The wrapped network is a cycle that holds the group. What outlives the group's end, its
    # threads among it, is torn down with the interpreter, and that now and then aborts.
    gc.collect()
    dist.barrier()
    dist.destroy_process_group()


def both_means(batch: int, images: slice) -> list[list[Tensor]]:
    """The gradients of this process by the global mean and by the mean of local means."""
    network = DistributedDataParallel(Network())
    return [gradients(network, way, batch, images) for way in (share_of_global_mean, Tensor.mean)]


def main(sizes: Sequence[int] = (3, 5)) -> None:
    """Compare the processes with one process; exit with 1 if the global mean differs."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(work, (sizes, folder), nprocs=len(sizes))
        ranks = [torch.load(f"{folder}/{rank}.pt") for rank in range(len(sizes))]
    names = [name for name, _ in Network().named_parameters()]
    whole = gradients(Network(), Tensor.mean, sum(sizes), slice(None))
    print(f"{'parameter':<17}{'largest':>9}{'difference: global mean':>26}{'local means':>14}")
    worst = []
    for k, (name, want) in enumerate(zip(names, whole, strict=True)):
        shared, local = (
            (torch.stack([rank[way][k] for rank in ranks]) - want).abs().max() for way in (0, 1)
        )
        print(f"{name:<17}{want.abs().max():>9.3g}{shared:>26.1e}{local:>14.1e}")
        worst.append(shared)
    if not torch.stack(worst).max() < TOLERANCE:
        sys.exit("the processes do not give the gradient of the whole batch")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or (3, 5))
