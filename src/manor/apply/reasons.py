"""Why a step is what it is, for a program that decides by it; the step's message tells people."""

from enum import StrEnum


class Reason(StrEnum):
    """A cause, spelled as the reason of a Kubernetes condition is."""

    NOT_OURS = "NotOurs"
    """It exists and belongs to nobody; `Options.adopt` takes it over."""
    OWNED_BY_ANOTHER = "OwnedByAnother"
    """It exists and belongs to another inventory."""
    CONFLICT = "Conflict"
    """Another field manager owns fields of it; `Options.force_conflicts` takes them over."""
    HOLDS_PEOPLES_OBJECTS = "HoldsPeoplesObjects"
    """People made something in the namespace; `Options.delete_namespaces` lets it go by name."""
    HOLDS_DATA = "HoldsData"
    """Data would be lost with it; `Options.delete_data` lets it go."""
    HOLDS_INVENTORY = "HoldsInventory"
    """An inventory, this one or another, would be lost with it."""
    NAMESPACE_KEPT = "NamespaceKept"
    """It stays as long as its namespace does."""
    IMMUTABLE = "Immutable"
    """The server lets nobody change the field; only a new object can have another value."""
    BEING_DELETED = "BeingDeleted"
    """It is on its way out, and something holds it up."""
    DEPENDENCY_FAILED = "DependencyFailed"
    """Something that it needs failed."""
    UNREACHABLE = "Unreachable"
    """The server gives no answer."""
    REJECTED = "Rejected"
    """The server said no; the message is the server's."""
    SUBJECTS_REMOVED = "SubjectsRemoved"
    """Somebody who had the right is to have it no more."""
