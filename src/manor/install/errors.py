"""What can stop an installation."""

from manor.errors import ManorError


class InstallError(ManorError):
    """The manifests cannot be had, or hold what is not to be installed; the text says
    what to do."""
