"""What comes with Manor and is no Python: at the root of a clone, inside the package where it is
installed."""

from pathlib import Path

IMAGES_VERSION = "0.1.0"
"""Of what is built from `images`. Specs name it: it goes up when the images change for their users,
not with Manor."""

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """The folder of that name, such as `images` or `examples`."""
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parents[1] / name
