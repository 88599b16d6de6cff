"""Who may apply which specs."""

from enum import Enum, auto

from manor.load import Specs


class Authority(Enum):
    """The least right that suffices."""

    CLUSTER_ADMINISTRATOR = auto()
    APPLIER = auto()
    """The ClusterRole manor:applier."""
    EDITOR = auto()
    """The role editor in the workload's tenant."""


def authority(specs: Specs) -> Authority:
    """What it takes to apply all of `specs`."""
    if specs.platform:
        return Authority.CLUSTER_ADMINISTRATOR
    return Authority.APPLIER if specs.tenants else Authority.EDITOR
