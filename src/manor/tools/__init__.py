"""ML systems made fit for many teams: from the facts that a Tool states to roles, counts, openings,
policies, objects. Pure."""

from manor.tools.packs import shipped
from manor.tools.review import objections
from manor.tools.toolset import NO_TOOLS, Toolset, toolbox, turned_on

__all__ = ["NO_TOOLS", "Toolset", "objections", "shipped", "toolbox", "turned_on"]
