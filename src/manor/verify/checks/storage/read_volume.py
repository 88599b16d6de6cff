"""Another tenant's volume: mounted, bound by name, or inherited after its claim is gone."""

import asyncio
import secrets

from manor.api.wellknown import PROBE_LABEL
from manor.kube import NotFound
from manor.verify.attacks import try_refused
from manor.verify.check import Check, Level, Severity
from manor.verify.findings import holds
from manor.verify.ground import Ground
from manor.verify.mechanisms import policy
from manor.verify.objects import Object, claim
from manor.verify.probe.pod import probe_pod, started
from manor.verify.probe.script import PYTHON
from manor.verify.requests import create
from manor.verify.team import Team
from manor.verify.trial import Trial, Verdict

WRITE = "import os, time; open('/data/secret', 'w').write(os.environ['TOKEN']); time.sleep(3600)"
READ = "import os, time; time.sleep(3600)"
LOOK = (
    "import os; print([open(os.path.join(d, f), errors='replace').read() for d, _, fs in os.walk('/data') for f in fs])"
)


async def _mount(ground: Ground, team: Team, name: str, volume: str, program: str, token: str = "") -> Object:
    mounts = [{"name": "data", "mountPath": "/data"}]
    env = [{"name": "TOKEN", "value": token}]
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": volume}}]
    owner, image = await ground.stage.space(team), ground.stage.needed_image()
    pod = probe_pod(owner, name, program, image, pod={"volumes": volumes}, volumeMounts=mounts, env=env)
    await ground.client.create(pod)
    return pod


async def _claim(ground: Ground, team: Team, name: str) -> None:
    wanted = ground.fill(claim(team.namespace))
    wanted["metadata"] = {"name": name, "namespace": team.namespace, "labels": {PROBE_LABEL: name}}
    await ground.client.create(wanted)


async def _read(ground: Ground, team: Team, pod: Object) -> str:
    name = pod["metadata"]["name"]
    running = started(await ground.stage.ready(team.namespace, name), pod)
    told = (await ground.client.exec(team.namespace, name, [*PYTHON, LOOK], container="main")).stdout.strip()
    running.check(await ground.client.get("v1", "Pod", name, team.namespace))
    return told


async def _gone(ground: Ground, kind: str, name: str, namespace: str | None = None) -> None:
    for _ in range(120):
        try:
            await ground.client.get("v1", kind, name, namespace)
        except NotFound:
            return
        await asyncio.sleep(0.5)


async def _stays_out(ground: Ground, pod: str) -> Trial:
    """A pod that names the victim's claim looks for it in its own namespace, and never starts."""
    for _ in range(40):
        status = (await ground.client.get("v1", "Pod", pod, ground.attacker.namespace))["status"]
        told = " ".join(c.get("message", "") for c in status.get("conditions", []))
        if "not found" in told or status.get("phase") == "Running":
            break
        await asyncio.sleep(0.5)
    what = f"as {ground.attacker.actor}: run a Pod that mounts the victim's claim by its name"
    fine = status.get("phase") == "Pending" and "not found" in told
    return holds(what, fine, f"{status.get('phase')}: {told}", "claims are of their namespace")


async def _attack(ground: Ground) -> list[Trial]:
    stage, attacker, victim = ground.stage, ground.attacker, ground.victim
    await stage.guarded(attacker)
    token, tag = secrets.token_hex(16), f"{stage.run}-{attacker.name[:20]}"
    keeper, thief, heir = f"{tag}-keeper", f"{tag}-thief", f"{tag}-heir"
    await _claim(ground, victim, keeper)
    kept = await _read(ground, victim, await _mount(ground, victim, keeper, keeper, WRITE, token))
    trials = [Trial("control: the victim reads its own volume", Verdict.HELD, kept, control=True)]
    if token not in kept:
        return [Trial("control: the victim reads its own volume", Verdict.ERROR, kept, control=True)]
    volume = (await ground.client.get("v1", "PersistentVolumeClaim", keeper, victim.namespace))["spec"]["volumeName"]
    bound = create(claim(volumeName=volume))
    trials.append(await try_refused(ground, attacker.actor, "bind the victim's volume", bound, policy("storage")))
    await _mount(ground, attacker, thief, keeper, READ)
    trials.append(await _stays_out(ground, thief))
    await ground.client.delete("v1", "Pod", keeper, victim.namespace)
    await ground.client.delete("v1", "PersistentVolumeClaim", keeper, victim.namespace)
    await _gone(ground, "PersistentVolumeClaim", keeper, victim.namespace)
    await _gone(ground, "PersistentVolume", volume)
    await _claim(ground, attacker, heir)
    found = await _read(ground, attacker, await _mount(ground, attacker, heir, heir, READ))
    what = f"as {attacker.actor}: read a new volume after the victim's was deleted"
    return [*trials, holds(what, token not in found, f"it holds {found}", "the reclaim policy")]


CHECK = Check(
    id="MNR-STORAGE-008",
    title="Read another tenant's volume",
    guarantee="What a tenant writes to a volume is read by no other tenant, also after the volume is deleted.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=("Kubernetes: Reclaiming", "CVE-2021-25741 (class)", "MTB: Data isolation"),
    attempt=(
        "The victim writes a random text to a volume. The attacker binds that volume by name, runs a Pod that mounts "
        "the victim's claim, and looks at a new volume of its own after the victim's is deleted."
    ),
    expect=(
        "The policy manor-storage refuses the binding; the Pod finds no such claim in its own namespace; the new "
        "volume does not hold the text. The victim itself reads it."
    ),
    remedy="Bind the policy again (`manor apply`); set the storage class's reclaimPolicy to Delete.",
    run=_attack,
)
