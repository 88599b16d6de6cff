"""The versions of a Model: which were served, and how one takes the place of another; with the
caller's own rights."""

from manor.models.changes import ModelError, find_model, promote, rollback
from manor.models.history import Revision, history

__all__ = ["ModelError", "Revision", "find_model", "history", "promote", "rollback"]
