"""Attacks a cluster as its tenants' own users and pods, and shows what stopped each attack."""

from manor.verify.attempt import Status
from manor.verify.check import Check, Level, Severity
from manor.verify.errors import VerifyError
from manor.verify.registry import load, select
from manor.verify.report import Report, Result
from manor.verify.rights import role
from manor.verify.runner import verify
from manor.verify.team import Team, Tenancy, parse_team, read_tenancy, team_of

__all__ = [
    "Check",
    "Level",
    "Report",
    "Result",
    "Severity",
    "Status",
    "Team",
    "Tenancy",
    "VerifyError",
    "load",
    "parse_team",
    "read_tenancy",
    "role",
    "select",
    "team_of",
    "verify",
]
