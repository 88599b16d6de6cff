"""Who asked for the workload that a pod belongs to, and whether the pod does.

A team's people may label any pod as one of a colleague's workload, and refer to what controls that.
The names of what an engine makes are the operator's own: what else is there it puts right within
seconds. So a pod is the workload's whose controllers, each known by its UID, lead to one of them.
"""

from collections import defaultdict
from contextlib import suppress

from manor.api import Model, Workload, kinds
from manor.api.platform import Engines
from manor.api.wellknown import GROUP
from manor.engines import engine_for, versions
from manor.engines.protocol import Unsupported
from manor.kube import Object
from manor.metering import Person, requester_of, workload_of
from manor.objectset.kinds import group_of
from manor.objectset.references import Ref, controller_of, ref_of
from manor.operator.known import Known

_KINDS = frozenset(info.kind for info in kinds.WORKLOADS)
_STEPS = 4
"""A TrainJob makes a JobSet, this Jobs, and these pods; references may also lead in a circle."""


class Persons:
    """Knows what it heard, and asks nobody."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._controllers: dict[str, tuple[Ref, str]] = {}
        """What may control pods, by its UID, with the UID of what controls it itself."""
        self._claims: dict[str, dict[Ref, tuple[str, Ref]]] = defaultdict(dict)
        """Of each namespace, the pods that say to be a workload's: each with the UID of what
        controls it, and the workload."""

    def of(self, obj: Object) -> Person | None:
        """Who asked for the workload of Manor's that the object belongs to. What only its labels
        say to be one of it counts for him as told."""
        ref = ref_of(obj)
        workload = _workload(obj)
        found = self._known.spec(workload) if workload else None
        if workload is None or found is None:
            return None
        person, controller = requester_of(found.metadata.model_dump()), _uid_of_controller(obj)
        if person.vouched and controller:
            self._claims[ref.namespace][ref] = controller, workload
        return person._replace(vouched=person.vouched and self.is_made(ref) is True)

    def forget(self, ref: Ref) -> None:
        """An object that is no more."""
        self._claims.get(ref.namespace, {}).pop(ref, None)

    def is_made(self, ref: Ref) -> bool | None:
        """Whether a pod was made of the workload that it says to be of; None where that cannot be
        told, as what controls it is not known, or no more."""
        claim = self._claims.get(ref.namespace, {}).get(ref)
        if claim is None:
            return None
        uid, workload = claim
        platform, spec = self._known.platform, self._known.spec(workload)
        if platform is None or not isinstance(spec, Workload):
            return None
        made = _made(spec, platform.spec.engines)
        for _ in range(_STEPS):
            if not uid:
                return False
            if uid not in self._controllers:
                return None
            owner, uid = self._controllers[uid]
            if owner in made:
                return True
        return False

    def heard(self, old: Object | None, new: Object | None) -> dict[Ref, bool]:
        """Take over a change of what may control pods. What it tells of pods: whether they were
        made of the workload that they say to be of."""
        obj = new or old
        assert obj is not None  # noqa: S101 - a change has one of the two
        if _workload(obj) is None:
            return {}
        uid, space = obj["metadata"]["uid"], obj["metadata"].get("namespace", "")
        if new is None:
            self._controllers.pop(uid, None)
            return {}
        now = ref_of(new), _uid_of_controller(new)
        if self._controllers.get(uid) == now:
            return {}
        self._controllers[uid] = now
        told = {ref: self.is_made(ref) for ref in self._claims.get(space, {})}
        return {ref: made for ref, made in told.items() if made is not None}


def _workload(obj: Object) -> Ref | None:
    """The workload of Manor's that the object's labels name."""
    kind, name = workload_of(obj)
    return Ref(GROUP, kind, obj["metadata"].get("namespace", ""), name) if kind in _KINDS else None


def _made(workload: Workload, engines: Engines) -> set[Ref]:
    """What an engine makes that controls the workload's pods, or what controls them."""
    with suppress(Unsupported):  # the Platform names an engine that there is not
        primary = engine_for(workload.kind, engines).primary(workload)
        names = {primary.name}
        if isinstance(workload, Model):
            names |= {version.name for version in versions(workload)}
        group = group_of(primary.api_version)
        return {Ref(group, primary.kind, primary.namespace, name) for name in names}
    return set()


def _uid_of_controller(obj: Object) -> str:
    """The UID of what controls the object, as it says; empty where nothing does."""
    return str((controller_of(obj) or {}).get("uid", ""))
