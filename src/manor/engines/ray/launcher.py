"""What runs in a RayJob: the command of a TrainingJob, once on every node, as any worker would."""

SCRIPT = """\
import os
import subprocess
import sys
import time

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

workers, gpus, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
command = sys.argv[4:]


@ray.remote(num_cpus=0, num_gpus=gpus, max_retries=0)
def run(rank, leader):
    told = {"NODE_RANK": str(rank), "MASTER_ADDR": leader}
    if os.environ["NPROC_PER_NODE"] == "1":
        told |= {"RANK": str(rank), "LOCAL_RANK": "0"}
    return subprocess.run(command, env={**told, **os.environ}, cwd=folder).returncode


ray.init(address="auto")
while len(nodes := [node for node in ray.nodes() if node["Alive"]]) < workers:
    time.sleep(0.5)
# The head is the first worker: the others find it.
nodes.sort(key=lambda node: "node:__internal_head__" not in node["Resources"])
runs = []
for rank, node in enumerate(nodes):
    there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    leader = nodes[0]["NodeManagerAddress"]
    runs.append(run.options(scheduling_strategy=there).remote(rank, leader))
while runs:
    (ended, *_), runs = ray.wait(runs)
    if code := ray.get(ended):
        sys.exit(code if code > 0 else 1)
"""
