"""What can be wrong with a program before anything is made.

InfraError
├── LateValue         an Output stands where its value must be known before anything is registered
├── Taken             a tenant is registered twice
├── InvalidSettings   the stack's configuration cannot be used; holds every problem
├── UnknownStack      the stack named does not exist
└── NoPulumi          the `pulumi` program, or its Python packages, are missing
"""

from collections.abc import Sequence

from manor.errors import ManorError


class InfraError(ManorError):
    """Base of every error of this package; its text is meant for the user."""


class DeferredValue(InfraError):
    """An Output stands where its value must be known before anything is registered."""


class DuplicateComponent(InfraError):
    """Two components want to be the same tenant or workload."""


class InvalidSettings(InfraError):
    """The stack's configuration cannot be used; `problems` has every one found, each naming its
    key."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class UnknownStack(InfraError):
    """The stack named does not exist in the backend."""


class NoPulumi(InfraError, ImportError):
    """The `pulumi` program, or its Python packages, are missing."""
