"""The versions of a Model: which are and were served, what is asked of them, and how one takes the
place of another; with the caller's own rights."""

from manor.models.changes import ModelError, find_model, promote, rollback
from manor.models.description import ModelDescription, Served, describe_model
from manor.models.history import Revision, history

__all__ = [
    "ModelDescription",
    "ModelError",
    "Revision",
    "Served",
    "describe_model",
    "find_model",
    "history",
    "promote",
    "rollback",
]
