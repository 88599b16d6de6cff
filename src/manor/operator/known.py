"""The specs on the cluster, as the watches tell of them; broken ones are named and set aside."""

from collections import defaultdict
from dataclasses import dataclass, field

from manor.api import AnyKind, Platform, Tenant, Tool, Workload, kinds
from manor.api.wellknown import API_VERSION, GROUP, PAUSED_ANNOTATION, TENANT_LABEL
from manor.engines import homes
from manor.kube import Object
from manor.load import Document, InvalidInput, Specs, made_for, validated
from manor.objectset.kinds import group_of
from manor.objectset.references import Ref, ref_of


@dataclass
class Known:
    """Every spec, and what is wrong with those that cannot be read."""

    platform: Platform | None = None
    tools: dict[str, Tool] = field(default_factory=dict)
    workloads: dict[str, dict[Ref, Workload]] = field(default_factory=lambda: defaultdict(dict))
    """Those of each namespace."""
    namespaces: dict[str, str] = field(default_factory=dict)
    """Each namespace with its tenant, or an empty text."""
    made: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Of each tenant, the namespaces that its owners made."""
    broken: dict[Ref, str] = field(default_factory=dict)
    generations: dict[Ref, int] = field(default_factory=dict)
    """Of each object, the generation that is known."""
    uids: dict[Ref, str] = field(default_factory=dict)
    going: set[Ref] = field(default_factory=set)
    """Those that are being deleted."""
    paused: set[Ref] = field(default_factory=set)
    """Those that are to be left as they are."""
    peers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Of each tenant, those that say that they exchange traffic with it."""
    shared: frozenset[str] = frozenset()
    """Namespaces that are no tenant's, and hold something of many."""
    _tenants: dict[str, tuple[str, Tenant]] = field(default_factory=dict)
    _by_age: dict[str, Tenant] | None = None
    _homes: dict[str, Tenant] | None = None

    @property
    def tenants(self) -> dict[str, Tenant]:
        """By their age: the first to claim a name has it."""
        if self._by_age is None:
            ordered = sorted(self._tenants.items(), key=lambda item: (item[1][0], item[0]))
            self._by_age = {name: tenant for name, (_, tenant) in ordered}
        return self._by_age

    @property
    def homes(self) -> dict[str, Tenant]:
        """The tenant of each namespace that one names."""
        if self._homes is None:
            self._homes = homes(self.tenants)
        return self._homes

    def spec(self, ref: Ref) -> AnyKind | None:
        """The spec of an object; None where there is none that can be read."""
        match ref.kind:
            case kinds.PLATFORM.kind:
                return self.platform
            case kinds.TOOL.kind:
                return self.tools.get(ref.name)
            case kinds.TENANT.kind:
                found = self._tenants.get(ref.name)
                return found[1] if found else None
            case _:
                return self.workloads.get(ref.namespace, {}).get(ref)

    def workloads_of(self, tenant: str) -> list[Ref]:
        """The workloads in the namespaces of a tenant."""
        found = self._tenants.get(tenant)
        spaces = found[1].namespaces if found else ()
        return [ref for space in spaces for ref in self.workloads.get(space.name, {})]

    def beside(self, namespaces: set[str]) -> Specs:
        """What new specs are checked against: everything, and of workloads those in these
        namespaces."""
        return Specs(
            platform=self.platform,
            tenants=self.tenants,
            tools=self.tools,
            workloads=[
                workload
                for namespace in sorted(namespaces)
                for workload in self.workloads.get(namespace, {}).values()
            ],
            namespaces=self.namespaces,
            made=self.made,
        )

    def change(self, old: Object | None, new: Object | None) -> bool:
        """Take over a change of an object of Manor's kinds. Whether what the author said is another
        than before."""
        obj = new or old
        assert obj is not None  # noqa: S101 - a change has one of the two
        ref = ref_of(obj)
        self._remove(ref)
        if new is None:
            return True
        meta = new["metadata"]
        self.generations[ref] = meta.get("generation", 0)
        self.uids[ref] = meta["uid"]
        if "deletionTimestamp" in meta:
            self.going.add(ref)
        if PAUSED_ANNOTATION in (meta.get("annotations") or {}):
            self.paused.add(ref)
        try:
            spec = validated(Document(new, str(ref), {(): 0}))
        except InvalidInput as error:
            self.broken[ref] = "; ".join(problem.said for problem in error.problems[:3])
        else:
            self._add(ref, spec, meta.get("creationTimestamp", ""))
            if isinstance(spec, Platform | Tool) and self.platform:
                toolset = self.beside(set()).toolset
                self.shared = frozenset(toolset.reserved_namespaces(self.platform))
        return old is None or said(old) != said(new)

    def change_namespace(self, old: Object | None, new: Object | None) -> set[str]:
        """Take over a change of a namespace. The tenants whose owners made it, or made it no
        more."""
        if new is not None:
            meta = new["metadata"]
            self.namespaces[meta["name"]] = (meta.get("labels") or {}).get(TENANT_LABEL, "")
        elif old is not None:
            self.namespaces.pop(old["metadata"]["name"], None)
        before, after = (made_for(obj) if obj else "" for obj in (old, new))
        if before == after:
            return set()
        for obj, tenant, take in ((old, before, set.discard), (new, after, set.add)):
            if obj and tenant:
                take(self.made[tenant], obj["metadata"]["name"])
                self._make_anew(tenant)
        return {before, after} - {""}

    def _make_anew(self, name: str) -> None:
        """The tenant has other namespaces than before."""
        if found := self._tenants.get(name):
            self._tenants[name] = found[0], found[1].with_made(self.made[name])
            self._by_age = self._homes = None

    def _add(self, ref: Ref, spec: AnyKind, made: str) -> None:
        match spec:
            case Platform():
                self.platform = spec
            case Tool():
                self.tools[spec.name] = spec
            case Tenant():
                self._tenants[spec.name] = made, spec.with_made(self.made.get(spec.name, ()))
                self._by_age = self._homes = None
                for peer in spec.spec.network.allow:
                    self.peers[peer].add(spec.name)
            case _:
                self.workloads[ref.namespace][ref] = spec

    def _remove(self, ref: Ref) -> None:
        self.broken.pop(ref, None)
        self.generations.pop(ref, None)
        self.uids.pop(ref, None)
        self.going.discard(ref)
        self.paused.discard(ref)
        if ref.kind == kinds.PLATFORM.kind:
            self.platform = None
        elif ref.kind == kinds.TOOL.kind:
            self.tools.pop(ref.name, None)
        elif ref.kind == kinds.TENANT.kind:
            if before := self._tenants.pop(ref.name, None):
                self._by_age = self._homes = None
                for peer in before[1].spec.network.allow:
                    self.peers[peer].discard(ref.name)
        elif ref.namespace in self.workloads:
            self.workloads[ref.namespace].pop(ref, None)


def said(obj: Object) -> tuple[object, ...]:
    """What an author says by an object of Manor's: its spec, whether it goes, whether it rests."""
    meta = obj["metadata"]
    paused = PAUSED_ANNOTATION in (meta.get("annotations") or {})
    return obj.get("spec"), "deletionTimestamp" in meta, paused


def is_ours(obj: Object) -> bool:
    """Whether the object is of one of Manor's kinds."""
    return group_of(obj["apiVersion"]) == GROUP


def ref_of_tenant(name: str) -> Ref:
    """The Tenant of that name."""
    return Ref(GROUP, kinds.TENANT.kind, "", name)


FOLLOWED = tuple((API_VERSION, info.kind) for info in kinds.ALL)
"""Manor's kinds, as they are watched."""
