"""What an administrator of the embedded node does: its Platform, and commands of `manor`."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from ground.api_server import MANOR
from manor.api import API_VERSION
from manor.kube import Object

PLATFORM: Object = {
    "apiVersion": API_VERSION,
    "kind": "Platform",
    "metadata": {"name": "manor"},
    "spec": {
        "domain": "bench.local",
        "network": {
            "podCidrs": ["10.244.0.0/16"],
            "serviceCidrs": ["10.96.0.0/16"],
            "nodeCidrs": ["172.30.0.0/16"],
        },
        "gateway": {"className": "manor", "externalPort": 30080},
        "registries": ["manor.local"],
    },
}


def manor(kubeconfig: Path, *words: str, given: Sequence[Object] = ()) -> float:
    """Runs a command as the administrator; the seconds that it took."""
    begun = time.monotonic()
    text = yaml.safe_dump_all(given) if given else None
    command = [MANOR, "--kubeconfig", str(kubeconfig), *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.monotonic() - begun
