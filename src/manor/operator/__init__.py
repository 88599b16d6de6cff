"""Keeps a cluster as its specs say, for as long as it runs. Nothing about isolation depends on
that."""

from manor.operator.running import run

__all__ = ["run"]
