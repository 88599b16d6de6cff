"""What can go wrong before and after a verification; what goes wrong in a check is in its result,
never raised.

VerifyError
├── CatalogueError   a check that is not well written: metadata missing, an id used twice
├── TenancyError     no tenants, or a `--tenant` that cannot be read
├── BaselineError    a baseline file that cannot be read
├── ReportError      a report that cannot be kept on the cluster, or read from it
└── UnknownCheck     `--only` or `--explain` names a check that does not exist
"""

from manor.errors import ManorError


class VerifyError(ManorError):
    """Base of every error of this package; its text is meant for the user."""


class CatalogueError(VerifyError):
    """A check is not well written."""


class TenancyError(VerifyError):
    """It is not known who the tenants are."""


class BaselineError(VerifyError):
    """The baseline file cannot be used."""


class ReportError(VerifyError):
    """A report cannot be kept on the cluster, or read from it."""


class UnknownCheck(VerifyError):
    """No check has this id."""
