"""No tenant's user or group is in a FlowSchema of the exempt level."""

from manor.api.wellknown import FLOWCONTROL_API
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, need, seen

SYSTEM = (
    "system:masters",
    "system:nodes",
    "system:apiserver",
    "system:authenticated",
    "system:unauthenticated",
)


async def _look(context: AttackContext) -> list[Attempt]:
    levels = await context.snapshot.all(FLOWCONTROL_API, "PriorityLevelConfiguration")
    exempt = {level["metadata"]["name"] for level in levels if level["spec"]["type"] == "Exempt"}
    schemas = [
        schema
        for schema in await context.snapshot.all(FLOWCONTROL_API, "FlowSchema")
        if schema["spec"]["priorityLevelConfiguration"]["name"] in exempt
    ]
    need(schemas, "there is no exempt FlowSchema: even Kubernetes' own is missing")
    attempts = [seen("exempt levels are listed", ", ".join(sorted(exempt)))]
    for schema in schemas:
        name, rules = schema["metadata"]["name"], schema["spec"].get("rules", [])
        # Health probes are exempt for everybody: their rules name paths, no resources.
        subjects = [s for rule in rules if rule.get("resourceRules") for s in rule["subjects"]]
        bad = [str(s) for s in subjects if s.get("group", {}).get("name") not in SYSTEM[:2]]
        got = f"exempt: {', '.join(bad)}" if bad else f"{len(subjects)} subjects, all of the system"
        attempts.append(holds(f"FlowSchema {name}", not bad, got, "API Priority and Fairness"))
    return attempts


CHECK = Check(
    id="MNR-FAIRNESS-003",
    title="Be exempt from limits",
    guarantee="No tenant's user or group is in a FlowSchema of the exempt level.",
    severity=Severity.MEDIUM,
    level=Level.STATIC,
    references=("Kubernetes: API Priority and Fairness",),
    attempt="Looks at the subjects of every FlowSchema of an exempt level.",
    expect="They are the system's own alone.",
    remedy="Remove the FlowSchema.",
    run=_look,
    kept=True,
    scope="cluster",
)
