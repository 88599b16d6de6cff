"""What shows once specs are compiled: two that become one object, two at one address, a budget in
which what is made does not fit. Pure, like what it reads."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from manor.api import AnyKind, Platform, Tenant, Tool, Workload
from manor.api.pack_zero import RULES
from manor.api.quantity import canonical, is_binary, parse
from manor.engines.protocol import PodCount
from manor.render import Object
from manor.render.quota import divide
from manor.tools import NO_TOOLS, Toolset

Path = tuple[str | int, ...]
Spec = AnyKind


@dataclass(frozen=True)
class Compiled:
    """A Manor object and all that it becomes."""

    spec: Spec
    objects: list[Object]
    pods: tuple[PodCount, ...] = ()
    """The pods of a workload, all that run at once."""

    @property
    def title(self) -> str:
        """Kind and name, with the namespace where there is one."""
        place = getattr(self.spec.metadata, "namespace", None)
        return (
            f"{self.spec.kind} {place}/{self.spec.metadata.name}"
            if place
            else f"{self.spec.kind} {self.spec.metadata.name}"
        )


@dataclass(frozen=True)
class Objection:
    """Why a spec cannot be applied: which field, and what to do."""

    spec: Spec
    path: Path
    message: str


def review(
    platform: Platform,
    homes: Mapping[str, Tenant],
    compiled: Sequence[Compiled],
    beside: Sequence[Compiled] = (),
    tools: Toolset = NO_TOOLS,
) -> Iterator[Objection]:
    """Every objection to what is compiled; `beside` is what stands on the cluster already, and came
    first."""
    given = {one.title for one in compiled}
    yield from _collisions([one for one in beside if one.title not in given], compiled)
    counted = {
        (rule.group, rule.kind): rule.resource for rule in (*RULES, *tools.rules) if rule.counted
    }
    budgets: dict[str, dict[str, dict[str, str]]] = {}
    for one in compiled:
        if isinstance(one.spec, Tenant):
            yield from _own_objects(one.spec, one.objects, counted)
        elif not isinstance(one.spec, Platform | Tool):
            tenant = homes[one.spec.metadata.namespace]
            if tenant.name not in budgets:
                budgets[tenant.name] = divide(platform, tenant, tools.of(tenant))
            parts = budgets[tenant.name]
            yield from _pods(one.spec, one.pods, parts)
            yield from _home(one, parts[one.spec.metadata.namespace])


def _collisions(beside: Sequence[Compiled], compiled: Sequence[Compiled]) -> Iterator[Objection]:
    holders: dict[tuple[str, ...], str] = {}
    for one in beside:
        title = one.title
        for place in _places(one.objects):
            holders.setdefault(place, title)
    for one in compiled:
        title, told = one.title, set()
        for place in _places(one.objects):
            holder = holders.setdefault(place, title)
            if holder != title and holder not in told:
                told.add(holder)
                yield Objection(
                    one.spec,
                    ("metadata", "name"),
                    f"{_words(place)}, as {holder} has; choose another name",
                )


def _places(objects: Iterable[Object]) -> Iterator[tuple[str, ...]]:
    """What only one spec can have: the objects' names, and the hosts with paths of their routes."""
    for obj in objects:
        meta = obj["metadata"]
        yield (
            obj["apiVersion"].rpartition("/")[0],
            obj["kind"],
            meta.get("namespace", ""),
            meta["name"],
        )
        if obj["kind"] == "HTTPRoute":
            for host in obj["spec"].get("hostnames", []):
                for rule in obj["spec"].get("rules", []):
                    for match in rule.get("matches", []):
                        yield host, match.get("path", {}).get("value", "/")


def _words(place: tuple[str, ...]) -> str:
    if len(place) == 2:
        return f"it would answer at {place[0]}{place[1]}"
    _, kind, namespace, name = place
    return (
        f"it would become {kind} {namespace}/{name}"
        if namespace
        else f"it would become {kind} {name}"
    )


def _own_objects(
    tenant: Tenant, objects: Sequence[Object], counted: Mapping[tuple[str, str], str]
) -> Iterator[Objection]:
    """Manor's own objects and the tenant's volumes against each namespace's part of the budget;
    `counted` is what quotas count, by its kind."""
    made: dict[str, Counter[str]] = defaultdict(Counter)
    parts: dict[str, Mapping[str, str]] = {}
    for obj in objects:
        namespace = obj["metadata"].get("namespace", "")
        if resource := counted.get((obj["apiVersion"].rpartition("/")[0], obj["kind"])):
            made[namespace][f"count/{resource}"] += 1
        if obj["kind"] == "ResourceQuota":
            parts[namespace] = obj["spec"]["hard"]
    shares = {space.name: space.share for space in tenant.namespaces}
    least, short = 0, ""
    for namespace, hard in parts.items():
        made[namespace]["count/configmaps"] += 1  # the API server's own kube-root-ca.crt
        for resource, count in made[namespace].items():
            if resource in hard and parse(hard[resource]) < count:
                enough = math.ceil(count * sum(shares.values()) / shares[namespace])
                if enough > least:
                    name = resource.removeprefix("count/").partition(".")[0]
                    short = (
                        f"Manor's own {count} {name} do not fit into namespace {namespace} "
                        f"(its part: {hard[resource]})"
                    )
                    least = enough
    if short:
        yield Objection(tenant, ("spec", "quota", "objects"), f"{short}; write at least {least}")
    yield from _volumes(tenant, parts)
    yield from _of_tools(tenant, objects, parts)


def _of_tools(
    tenant: Tenant, objects: Sequence[Object], parts: Mapping[str, Mapping[str, str]]
) -> Iterator[Objection]:
    """What Tools run and keep in the tenant's namespaces, beside its own volumes, against each
    namespace's part of the budget."""
    asked: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    first = tenant.namespaces[0].name
    own = {(volume.namespace or first, volume.name): volume.size for volume in tenant.spec.volumes}
    for obj in objects:
        namespace, spec = obj["metadata"].get("namespace", ""), obj.get("spec", {})
        if obj["kind"] in ("Deployment", "StatefulSet"):
            for resource, amount in pod_amounts(spec["template"]["spec"]).items():
                asked[namespace, resource] += spec.get("replicas", 1) * amount
        elif obj["kind"] == "PersistentVolumeClaim" and _place(obj) not in own:
            size = spec["resources"]["requests"]["storage"]
            asked[namespace, "requests.storage"] += parse(size)
    told = set()
    for (namespace, resource), amount in sorted(asked.items()):
        part, field = parts.get(namespace, {}).get(resource), _FIELDS.get(resource)
        if resource == "requests.storage":
            amount += sum(parse(size) for (place, _), size in own.items() if place == namespace)
        if part is None or field is None or field in told or amount <= parse(part):
            continue
        told.add(field)
        message = (
            f"what Tools bring into namespace {namespace} makes "
            f"{canonical(amount, binary=is_binary(part))} of {resource}, and its part is {part}; "
            f"write more, or use fewer Tools (spec.tools)"
        )
        yield Objection(tenant, ("spec", "quota", field), message)


def _place(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _volumes(tenant: Tenant, parts: Mapping[str, Mapping[str, str]]) -> Iterator[Objection]:
    used: dict[str, Decimal] = defaultdict(Decimal)
    for index, volume in enumerate(tenant.spec.volumes):
        namespace = volume.namespace or tenant.namespaces[0].name
        used[namespace] += parse(volume.size)
        part = parts.get(namespace, {}).get("requests.storage")
        if part is not None and used[namespace] > parse(part):
            total = canonical(used[namespace], binary=is_binary(volume.size))
            message = (
                f"the volumes of namespace {namespace} ask for {total}, and its part of "
                f"spec.quota.storage is {part}"
            )
            yield Objection(tenant, ("spec", "volumes", index, "size"), message)
            return


_FIELDS = {
    **{"requests.cpu": "cpu", "requests.memory": "memory", "limits.memory": "memory"},
    "requests.storage": "storage",
}


def _pods(
    workload: Workload, pods: Iterable[PodCount], parts: Mapping[str, Mapping[str, str]]
) -> Iterator[Objection]:
    """What the workload's pods ask for at once against its namespace's part of the budget."""
    wanted: Counter[str] = Counter()
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for pod in pods:
        wanted["pods"] += pod.count
        for resource, amount in pod_amounts(pod.spec).items():
            amounts[resource] += pod.count * amount
    namespace = workload.metadata.namespace
    hard, told = parts[namespace], set()
    for resource, amount in sorted({**amounts, "pods": Decimal(wanted["pods"])}.items()):
        part = hard.get(resource)
        field = _FIELDS.get(resource, "" if resource == "pods" else "gpu")
        if part is None or amount <= parse(part) or field in told:
            continue
        told.add(field)
        path: Path = ("spec", "resources", field) if field else ("spec",)
        asked = canonical(amount, binary="memory" in resource)
        name = resource.removeprefix("requests.").removeprefix("limits.")
        message = (
            f"its {wanted['pods']} pods ask for {asked} {name} at once; the part of "
            f"namespace {namespace} is {part}"
        )
        yield Objection(
            workload,
            path,
            f"{message.replace('1 pods ask', 'pod asks')}; {_elsewhere(resource, amount, parts)}",
        )


def _home(one: Compiled, part: Mapping[str, str]) -> Iterator[Objection]:
    """A workspace's own volume against all that its namespace may store."""
    whole = part.get("requests.storage", "")
    for obj in one.objects:
        if obj["kind"] == "PersistentVolumeClaim" and whole:
            size = obj["spec"]["resources"]["requests"]["storage"]
            if parse(size) > parse(whole):
                message = f"{size} is more than the namespace's part of spec.quota.storage, {whole}"
                yield Objection(one.spec, ("spec", "home", "size"), f"{message}; make it smaller")


def _elsewhere(resource: str, amount: Decimal, parts: Mapping[str, Mapping[str, str]]) -> str:
    room = sorted(name for name, hard in parts.items() if parse(hard.get(resource, "0")) >= amount)
    return f"it fits into: {', '.join(room)}" if room else "no namespace of the tenant has as much"


def pod_amounts(spec: Object) -> dict[str, Decimal]:
    """What a quota counts of a pod: the sum of its containers and sidecars, or its largest init
    container where that is more, or what the pod asks for as a whole; and what its runtime takes
    besides."""
    total: dict[str, Decimal] = defaultdict(Decimal)
    sidecars: dict[str, Decimal] = defaultdict(Decimal)
    largest: dict[str, Decimal] = defaultdict(Decimal)
    for container in spec.get("initContainers", []):
        stays = container.get("restartPolicy") == "Always"
        for resource, amount in _of_container(container):
            largest[resource] = max(largest[resource], sidecars[resource] + amount)
            if stays:
                sidecars[resource] += amount
    for container in spec["containers"]:
        for resource, amount in _of_container(container):
            total[resource] += amount
    for resource in {*sidecars, *largest}:
        total[resource] = max(total[resource] + sidecars[resource], largest[resource])
    total |= _of_container(spec)
    for resource, quantity in spec.get("overhead", {}).items():
        total[f"requests.{resource}"] += parse(quantity)
    return total


def _of_container(container: Object) -> Iterator[tuple[str, Decimal]]:
    for sort in ("requests", "limits"):
        for resource, amount in container.get("resources", {}).get(sort, {}).items():
            yield f"{sort}.{resource}", parse(amount)
