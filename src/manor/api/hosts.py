"""Host names, exact or `*.`-wildcard: which stands for all that another one does, and which share a
name."""


def covers(own: str, host: str) -> bool:
    """Whether all that the host name `host` stands for is within `own`."""
    return own == host or (own.startswith("*.") and host.removeprefix("*.").endswith(own[1:]))


def overlap(one: str, other: str) -> bool:
    """Whether there is a name that both stand for."""
    return covers(one, other) or covers(other, one)
