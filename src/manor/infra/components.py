"""The components: Platform, Tenant, Model, TrainingJob. Each renders its spec, then registers what
came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi

from manor.infra import compilation
from manor.infra.compilation import Known, document_of
from manor.infra.deferred import Draft, compiled, derived, draft
from manor.infra.registration import foundation_registrations, logical_name, registrations
from manor.infra.resources import KubernetesObject, register
from manor.infra.retry import retried
from manor.load import Document
from manor.render import Object, render_foundation

Render = Callable[[Sequence[Document]], list[Object]]


class PlatformArgs(TypedDict):
    """What a Platform is made of."""

    spec: Any
    """The Platform: as its YAML (a mapping), a `manor.api.Platform`, or the path of its file.
    Fields that another resource decides (domain, address ranges) may be Outputs."""
    tenants: NotRequired[list[Any]]
    """Every tenant, in the same forms; traffic between two tenants needs the consent of both, so
    that each is rendered knowing all. None by default: then no tenant reaches another."""
    tools: NotRequired[list[Any]]
    """Tools of your own that the Platform names, in the same forms; those that come with Manor are
    known."""


class TenantArgs(TypedDict):
    """What a Tenant is made of."""

    spec: Any
    """The Tenant: as its YAML, a `manor.api.Tenant`, or the path of its file."""
    platform: Any
    """The Platform component; from other languages, the same `spec` that the Platform was given."""
    tenants: NotRequired[list[Any]]
    """Every tenant, where `platform` is a spec; the component knows them already."""
    delete_data: NotRequired[bool]
    """Whether the tenant's volumes go with it. False by default: they are protected, and stay on
    the cluster."""


class WorkloadArgs(TypedDict):
    """What a Model, TrainingJob or Workspace is made of."""

    spec: Any
    """The workload: as its YAML, a model of `manor.api`, or the path of its file."""
    tenant: Any
    """The Tenant component that holds it; from other languages, the same `spec` that the Tenant was
    given."""
    platform: NotRequired[Any]
    """The Platform's spec, where `tenant` is a spec; the component knows it already."""


def _drafts(specs: Any, kind: str, component: str) -> list[Draft]:
    listed = list(specs.values()) if isinstance(specs, Mapping) else list(specs)
    return [draft(document_of(spec, kind, f"{component}: {kind}")) for spec in listed]


class _Component(pulumi.ComponentResource):
    """A spec and all that it becomes, as children."""

    def __init__(
        self, name: str, args: Mapping[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        # The arguments are kept by what they become; as inputs of the component they would double
        # the state.
        super().__init__(f"manor:index:{type(self).__name__}", name, None, opts)
        self._name_given = name
        self._objects: dict[str, KubernetesObject] = {}
        self._draft = draft(document_of(args["spec"], type(self).__name__, name))
        # Pulumi does not hand on to children what their component waits for.
        self._needs = pulumi.ResourceOptions(depends_on=opts.depends_on if opts else None)
        self._hooks = retried(f"manor:{type(self).__name__}:{name}")

    def _wait_for(self, resources: Sequence[pulumi.Resource]) -> None:
        more = pulumi.ResourceOptions(depends_on=list(resources))
        self._needs = pulumi.ResourceOptions.merge(self._needs, more)

    def _register(
        self, drafts: Sequence[Draft], render: Render, *, delete_data: bool = False
    ) -> None:
        """Register what the drafts become: the spec first, then its objects."""
        objects, later = compiled(drafts, render)
        made = registrations(self._name_given, objects[0], objects[1:], delete_data=delete_data)
        fields = {
            logical_name(self._name_given, obj): deferred
            for obj, deferred in zip(objects, later, strict=True)
        }
        final = [replace(one, body=_with_later(one.body, fields.get(one.name, {}))) for one in made]
        register(self, final, self._objects, self._needs, self._hooks)


def _with_later(body: Object, later: Mapping[str, pulumi.Output[Any]]) -> Object:
    """A body with what is known later, beside the annotations that it has for Pulumi."""
    fields, meta = {**body, **later}, body["metadata"]
    if annotations := fields.pop("annotations", None):
        told = annotations.apply(lambda real: {**meta["annotations"], **real})
        fields["metadata"] = {**meta, "annotations": told}
    return fields


class Platform(_Component):
    """The cluster as an ML platform: Manor's kinds, the tenants' roles, the admission policies. One
    in a cluster."""

    def __init__(
        self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, args, opts)
        self._known = Known()
        self._tenants = _drafts(args.get("tenants") or [], "Tenant", name)
        self._tools = _drafts(args.get("tools") or [], "Tool", name)
        register(
            self,
            foundation_registrations(name, render_foundation()),
            self._objects,
            self._needs,
            self._hooks,
        )
        self._wait_for(list(self._objects.values()))
        drafts = [self._draft, *self._tools, *self._tenants]
        self._register(drafts, partial(compilation.platform_objects, known=self._known))
        self.register_outputs({})


class Tenant(_Component):
    """A team's place: namespaces, roles, quotas, network policies, a gateway, volumes."""

    namespaces: pulumi.Output[list[str]]
    """The tenant's namespaces."""
    urls: pulumi.Output[list[str]]
    """Where its host names are reached."""

    def __init__(
        self, name: str, args: TenantArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, args, opts)
        platform = args["platform"]
        if isinstance(platform, Platform):
            self._known, others = (
                platform._known,
                [platform._draft, *platform._tools, *platform._tenants],
            )
            self._wait_for([platform])
        else:
            self._known = Known()
            others = [
                *_drafts([platform], "Platform", name),
                *_drafts(args.get("tenants") or [], "Tenant", name),
            ]
        self._drafts = [self._draft, *others]
        _, tenant, _ = self._known.tenant([each.with_placeholders() for each in self._drafts])
        self._known.claim(tenant, name)
        render = partial(compilation.tenant_objects, known=self._known)
        self._register(self._drafts, render, delete_data=args.get("delete_data", False))
        self.namespaces = pulumi.Output.from_input([space.name for space in tenant.namespaces])
        self.urls = derived(self._drafts, partial(compilation.tenant_urls, known=self._known))
        self.register_outputs({"namespaces": self.namespaces, "urls": self.urls})


class _Workload(_Component):
    """What runs in a tenant's namespace."""

    def __init__(
        self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, args, opts)
        tenant = args["tenant"]
        if isinstance(tenant, Tenant):
            self._known, others = tenant._known, tenant._drafts
            self._wait_for([tenant])
        else:
            self._known = Known()
            others = [
                *_drafts([tenant], "Tenant", name),
                *_drafts([args.get("platform")], "Platform", name),
            ]
        self._drafts = [self._draft, *others]
        _, _, workload = compilation.workload_of(
            [each.with_placeholders() for each in self._drafts], self._known
        )
        self._known.claim(workload, name)
        self._register(self._drafts, partial(compilation.workload_objects, known=self._known))


class Model(_Workload):
    """A model behind the Open Inference Protocol: its servers, their Service, the route to them."""

    url: pulumi.Output[str]
    """Where it answers: `…/v2/models/<name>/infer`; `…/models/<name>/` with format custom."""

    def __init__(
        self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, args, opts)
        self.url = derived(self._drafts, partial(compilation.serving_url, known=self._known))
        self.register_outputs({"url": self.url})


class TrainingJob(_Workload):
    """A run of training code to completion. Pulumi starts it and does not wait for its end."""

    def __init__(
        self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, args, opts)
        self.register_outputs({})


class Workspace(_Workload):
    """A notebook or IDE. Pulumi starts it, and does not wait until somebody uses it."""

    def __init__(
        self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, args, opts)
        self.register_outputs({})
