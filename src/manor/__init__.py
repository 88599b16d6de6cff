"""Manor: one Kubernetes cluster, an ML platform for many teams."""

__version__: str


def __getattr__(name: str) -> str:
    """The version, looked up when it is asked for: the look-up takes longer than most of what a
    command imports."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import version

    return version("manor")
