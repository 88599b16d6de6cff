"""What teams use, by day and person: what is held from when to when becomes hours, and hours a
report. Nothing here asks a server or looks at a clock."""

from manor.metering.accounts import Account, Amounts, Holder, Holding, Month, months
from manor.metering.holdings import (
    CLAIM,
    POD,
    Person,
    holding_of,
    requester_of,
    workload_of,
)
from manor.metering.report import Line, fields, lines_of, report, total

__all__ = [
    "CLAIM",
    "POD",
    "Account",
    "Amounts",
    "Holder",
    "Holding",
    "Line",
    "Month",
    "Person",
    "fields",
    "holding_of",
    "lines_of",
    "months",
    "report",
    "requester_of",
    "total",
    "workload_of",
]
