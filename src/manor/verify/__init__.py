"""Attacks a cluster as its tenants' own users and pods, and shows what stopped each attack."""

from manor.verify.attempt import Status
from manor.verify.check import Check, Level, Severity
from manor.verify.errors import ReportError, VerifyError
from manor.verify.kept import Finding, Run, keep, read_runs
from manor.verify.registry import load, select
from manor.verify.report import Report, Result
from manor.verify.rights import role
from manor.verify.runner import verify
from manor.verify.team import Team, Tenancy, parse_team, read_tenancy, team_of, with_stand_ins

__all__ = [
    "Check",
    "Finding",
    "Level",
    "Report",
    "ReportError",
    "Result",
    "Run",
    "Severity",
    "Status",
    "Team",
    "Tenancy",
    "VerifyError",
    "keep",
    "load",
    "parse_team",
    "read_runs",
    "read_tenancy",
    "role",
    "select",
    "team_of",
    "verify",
    "with_stand_ins",
]
