"""The choices of a run."""

from dataclasses import dataclass, field

from manor.limits import limits


@dataclass(frozen=True)
class Options:
    """Every default is the careful one."""

    adopt: bool = False
    """Take over objects that exist and belong to no inventory."""
    force_conflicts: bool = False
    """Take over fields that another field manager owns."""
    prune: bool = True
    """Delete members that are no longer wanted."""
    delete_data: bool = False
    """Let pruning and deletion take volume claims, the namespaces that hold them, and CRDs that
    have objects."""
    delete_namespaces: frozenset[str] = frozenset()
    """Namespaces that pruning and deletion may take with what people made in them."""
    timeout: float = field(default_factory=lambda: limits().apply.gone)
    """Seconds that a deletion waits until everything is gone."""
