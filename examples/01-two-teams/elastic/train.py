"""Trains on several workers; where one is lost, all go on from the last checkpoint."""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

STEPS = int(sys.argv[1])
PAUSE = float(os.environ.get("PAUSE", "0"))
"""Seconds that a step takes longer, as that of a larger model would."""
CHECKPOINT = Path("/data") / os.environ["RUN"] / "checkpoint.pt"

# A worker that says nothing for so long is lost, too.
dist.init_process_group("gloo", init_method="env://", timeout=timedelta(minutes=5))
rank, step = dist.get_rank(), 0
model = DistributedDataParallel(torch.nn.Linear(2, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
if CHECKPOINT.exists():
    saved = torch.load(CHECKPOINT)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    step = saved["step"]
print(f"worker {rank} begins at step {step}", flush=True)

torch.manual_seed(dist.get_world_size() * step + rank)
while step < STEPS:
    x = torch.randn(64, 2)
    loss = torch.nn.functional.mse_loss(model(x), x @ torch.tensor([[2.0], [-3.0]]) + 1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    step += 1
    if rank == 0 and step % 10 == 0:
        CHECKPOINT.parent.mkdir(exist_ok=True)
        written = CHECKPOINT.with_suffix(".new")
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
        torch.save(state, written)
        written.replace(CHECKPOINT)  # whole, or not at all
        print(f"step {step}: loss {loss.item():.5f}", flush=True)
    time.sleep(PAUSE)
# One that has ended well is not started again: all end together.
dist.barrier()
