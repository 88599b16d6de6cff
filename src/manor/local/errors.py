"""What can go wrong with the embedded node.

LocalError
├── NodeNameError      a name that cannot be a node's
├── NoSuchNode         nothing of that name on this machine
├── NodeNotRunning     its state is there, its processes are not
├── NodeKindChanged    it exists, and was made with other options
├── StartFailed        a component or an add-on did not become ready
├── BinariesError      a program of the node cannot be found, fetched or built
├── ImageError         a container image cannot be built
└── PreflightError     the machine lacks what a node needs
"""

from manor.errors import ManorError


class LocalError(ManorError):
    """Base of the embedded node's errors; its text is for the user."""


class NodeNameError(LocalError):
    """A name that cannot be a node's."""


class NoSuchNode(LocalError):
    """Nothing of that name on this machine."""


class NodeNotRunning(LocalError):
    """The node's state is there, its processes are not."""


class NodeKindChanged(LocalError):
    """The node exists, and was made with other options."""


class StartFailed(LocalError):
    """A component or an add-on did not become ready."""


class BinariesError(LocalError):
    """A program of the node, or data it needs, can neither be found, fetched nor built."""


class ImageError(LocalError):
    """A container image cannot be built."""


class PreflightError(LocalError):
    """The machine lacks what a node needs, or it cannot be installed."""
