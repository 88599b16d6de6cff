"""Manor: one Kubernetes cluster, an ML platform for many teams."""

from importlib.metadata import version

__version__ = version("manor")
