"""Trains a function of a script's on two nodes, by Kubeflow's own client (`pip install kubeflow`).

KUBECONFIG says who asks; the function brings its own imports, since it is sent as text.
"""

from kubeflow.common.types import KubernetesBackendConfig
from kubeflow.trainer import CustomTrainer, TrainerClient


def greet() -> None:
    """What each node runs."""
    import os

    import jax

    nodes, number = int(os.environ["JAX_NUM_PROCESSES"]), int(os.environ["JAX_PROCESS_ID"])
    jax.distributed.initialize(
        cluster_detection_method="deactivate",
        coordinator_address=os.environ["JAX_COORDINATOR_ADDRESS"],
        num_processes=nodes,
        process_id=number,
    )
    print(f"process {jax.process_index()} of {jax.process_count()} is here")


client = TrainerClient(KubernetesBackendConfig(namespace="tenant-a"))
job = client.train(
    runtime=client.get_runtime("jax"),
    trainer=CustomTrainer(
        func=greet, num_nodes=2, resources_per_node={"cpu": "250m", "memory": "512Mi"}
    ),
)
client.wait_for_job_status(job)
for step in ("node-0", "node-1"):
    print(*client.get_job_logs(job, step=step), sep="\n")
client.delete_job(job)
