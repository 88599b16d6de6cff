"""Puts the systems that Tools speak of onto a cluster: their makers' manifests at a pinned version,
hardened."""

from manor.install.errors import InstallError
from manor.install.hardening import hardened
from manor.install.installation import install, is_installed, uninstall
from manor.install.manifests import image_words, images_of, inventory_of, manifests
from manor.install.modules import module_folder

__all__ = [
    "InstallError",
    "hardened",
    "image_words",
    "images_of",
    "install",
    "inventory_of",
    "is_installed",
    "manifests",
    "module_folder",
    "uninstall",
]
