"""Another tenant's volume: mounted, bound by name, or inherited after its claim is gone."""

import secrets

from manor.api.wellknown import PROBE_LABEL
from manor.kube import NotFound
from manor.limits import limits
from manor.polling import poll_until
from manor.verify.attacks import try_refused
from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import PROBE_IMAGE, TENANTS
from manor.verify.findings import holds
from manor.verify.mechanisms import policy
from manor.verify.objects import Object, claim
from manor.verify.probe.pod import probe_pod, started
from manor.verify.probe.script import PYTHON
from manor.verify.requests import create
from manor.verify.team import Team

WRITE = "import os, time; open('/data/secret', 'w').write(os.environ['TOKEN']); time.sleep(3600)"
READ = "import os, time; time.sleep(3600)"
LOOK = (
    "import os; print([open(os.path.join(d, f), errors='replace').read() for d, _, fs in "
    "os.walk('/data') for f in fs])"
)


async def _mount(
    context: AttackContext, team: Team, name: str, volume: str, program: str, token: str = ""
) -> Object:
    mounts = [{"name": "data", "mountPath": "/data"}]
    env = [{"name": "TOKEN", "value": token}]
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": volume}}]
    owner, image = await context.probes.space(team), context.probes.needed_image()
    pod = probe_pod(
        owner, name, program, image, pod={"volumes": volumes}, volumeMounts=mounts, env=env
    )
    await context.client.create(pod)
    return pod


async def _claim(context: AttackContext, team: Team, name: str) -> None:
    wanted = context.fill(claim(team.namespace))
    wanted["metadata"] = {"name": name, "namespace": team.namespace, "labels": {PROBE_LABEL: name}}
    await context.client.create(wanted)


async def _read(context: AttackContext, team: Team, pod: Object) -> str:
    name = pod["metadata"]["name"]
    running = started(await context.probes.ready(team.namespace, name), pod)
    told = (
        await context.client.exec(team.namespace, name, [*PYTHON, LOOK], container="main")
    ).stdout.strip()
    running.check(await context.client.get("v1", "Pod", name, team.namespace))
    return told


async def _gone(context: AttackContext, kind: str, name: str, namespace: str | None = None) -> None:
    async def gone() -> bool:
        try:
            await context.client.get("v1", kind, name, namespace)
        except NotFound:
            return True
        return False

    await poll_until(bool, gone, timeout=limits().verify.released, interval=limits().verify.poll)


async def _stays_out(context: AttackContext, pod: str) -> Attempt:
    """A pod that names the victim's claim looks for it in its own namespace, and never starts."""

    async def look() -> tuple[str, str]:
        status = (await context.client.get("v1", "Pod", pod, context.attacker.namespace))["status"]
        return status.get("phase", ""), " ".join(
            c.get("message", "") for c in status.get("conditions", [])
        )

    def decided(seen: tuple[str, str]) -> bool:
        return seen[0] == "Running" or "not found" in seen[1]

    bounds = limits().verify
    phase, told = await poll_until(decided, look, timeout=bounds.mounted, interval=bounds.poll)
    what = f"as {context.attacker.asker}: run a Pod that mounts the victim's claim by its name"
    fine = phase == "Pending" and "not found" in told
    return holds(what, fine, f"{phase}: {told}", "claims are of their namespace")


async def _attack(context: AttackContext) -> list[Attempt]:
    probes, attacker, victim = context.probes, context.attacker, context.victim
    await probes.guarded(attacker)
    token, tag = secrets.token_hex(16), f"{probes.run}-{attacker.name[:20]}"
    keeper, thief, heir = f"{tag}-keeper", f"{tag}-thief", f"{tag}-heir"
    await _claim(context, victim, keeper)
    kept = await _read(context, victim, await _mount(context, victim, keeper, keeper, WRITE, token))
    attempts = [
        Attempt("control: the victim reads its own volume", Verdict.HELD, kept, control=True)
    ]
    if token not in kept:
        return [
            Attempt("control: the victim reads its own volume", Verdict.ERROR, kept, control=True)
        ]
    volume = (await context.client.get("v1", "PersistentVolumeClaim", keeper, victim.namespace))[
        "spec"
    ]["volumeName"]
    bound = create(claim(volumeName=volume))
    attempts.append(
        await try_refused(
            context, attacker.asker, "bind the victim's volume", bound, policy("storage")
        )
    )
    await _mount(context, attacker, thief, keeper, READ)
    attempts.append(await _stays_out(context, thief))
    await context.client.delete("v1", "Pod", keeper, victim.namespace)
    await context.client.delete("v1", "PersistentVolumeClaim", keeper, victim.namespace)
    await _gone(context, "PersistentVolumeClaim", keeper, victim.namespace)
    await _gone(context, "PersistentVolume", volume)
    await _claim(context, attacker, heir)
    found = await _read(context, attacker, await _mount(context, attacker, heir, heir, READ))
    what = f"as {attacker.asker}: read a new volume after the victim's was deleted"
    return [*attempts, holds(what, token not in found, f"it holds {found}", "the reclaim policy")]


CHECK = Check(
    id="MNR-STORAGE-008",
    title="Read another tenant's volume",
    guarantee=(
        "What a tenant writes to a volume is read by no other tenant, also after the "
        "volume is deleted."
    ),
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=("Kubernetes: Reclaiming", "CVE-2021-25741 (class)", "MTB: Data isolation"),
    attempt=(
        "The victim writes a random text to a volume. The attacker binds that volume by name, "
        "runs a Pod that mounts "
        "the victim's claim, and looks at a new volume of its own after the victim's is deleted."
    ),
    expect=(
        "The policy manor-storage refuses the binding; the Pod finds no such claim in its own "
        "namespace; the new "
        "volume does not hold the text. The victim itself reads it."
    ),
    remedy=(
        "Bind the policy again (`manor apply`); set the storage class's reclaimPolicy to Delete."
    ),
    requires=(TENANTS, PROBE_IMAGE),
    run=_attack,
)
