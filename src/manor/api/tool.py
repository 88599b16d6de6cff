"""Tool: an ML system made fit for many teams, as data. What follows from it is derived by
`manor.tools`."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from manor.api import pack_zero
from manor.api.meta import (
    ApiVersion,
    EnvName,
    Kind,
    Labels,
    Line,
    Metadata,
    MetadataKey,
    Misplaced,
    Name,
    Once,
    Spec,
    cel,
    check_keys,
    keys_rule,
)
from manor.api.platform import ANNOTATION, Controller, PodSelector
from manor.api.roles import GOVERNED_GROUPS, NamedRule, Verb
from manor.api.rules import KindRule, Verbs

_GOVERNED = ", ".join(f"'{group}'" for group in GOVERNED_GROUPS)
_READS = "['get', 'list', 'watch']"
_RESOURCE = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

RawObject = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]
"""A Kubernetes object as its YAML has it."""
VerbList = Annotated[list[Verb], Field(max_length=8), Once()]
KindName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$", max_length=63)]


class ToolVerbs(Spec):
    """What the roles of a tenant may do; each has what the one before it has, and these besides."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                f"!has(self.viewer) || self.viewer.all(v, v in {_READS})",
                "a viewer reads: get, list and watch alone",
            ),
        )
    )

    viewer: VerbList = ["get", "list", "watch"]
    """Of everyone in the team; reading alone."""
    editor: VerbList = ["create", "update", "patch", "delete", "deletecollection"]
    """What editors and owners may do besides."""
    owner: VerbList = []
    """What owners may do besides."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if more := set(self.viewer) - set(pack_zero.READ):
            raise ValueError(
                f"viewer: a viewer reads: remove {', '.join(sorted(more))}, or give it to editors"
            )
        return self

    def rule(self) -> Verbs:
        """As the rule of a kind has it."""
        return Verbs(tuple(self.viewer), tuple(self.editor), tuple(self.owner))


class ToolKind(Spec):
    """A kind of the system's, and what a tenant may do with it."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                f"!(self.group in [{_GOVERNED}]) || (!has(self.subresources) && self.plural != "
                f"'secrets'"
                " && (has(self.namespaced) && !self.namespaced ? !has(self.verbs) : has(self.verbs)"
                " && has(self.verbs.editor) && self.verbs.editor.size() == 0"
                " && (!has(self.verbs.owner) || self.verbs.owner.size() == 0)))",
                "what teams do with kinds of this group is Manor's to say: in their namespaces "
                "they may read them "
                "(verbs: {editor: []}), and no Secrets",
            ),
            (
                "!has(self.namespaced) || self.namespaced || !has(self.verbs) || "
                "(has(self.verbs.editor)"
                " && self.verbs.editor.size() == 0 && (!has(self.verbs.owner) || "
                "self.verbs.owner.size() == 0))",
                (
                    "a kind that lives in no namespace is everyone's: tenants may only read it "
                    "(verbs: {editor: []})"
                ),
            ),
        )
    )

    group: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
    """API group, such as `ray.io`."""
    kind: KindName
    """Kind, such as `RayJob`."""
    plural: Annotated[str, Field(pattern=_RESOURCE, max_length=63)]
    """Plural, as in the API's paths: `rayjobs`."""
    namespaced: bool = True
    """Whether its objects live in namespaces."""
    verbs: ToolVerbs | None = None
    """What the roles may do. When absent everyone reads and editors work; of what lives in no
    namespace nobody sees anything, and `{editor: []}` lets every team read all of it."""
    subresources: dict[Annotated[str, Field(pattern=_RESOURCE, max_length=63)], ToolVerbs] = Field(
        default={}, max_length=8
    )
    """Subresources that the roles may use, besides `scale`."""
    scale: bool = False
    """Whether it has the subresource `scale`, which whoever changes objects may change too."""
    counted: bool = True
    """Whether the quota's `objects` bounds their number, lest a team fill the API server."""
    owns: bool = True
    """Whether it may own a tenant's objects (`ownerReferences`), as what a controller makes of
    it."""
    queued: bool = False
    """Whether the queue system admits it as a whole: it must name a queue itself, and what it
    controls need not."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        changes = self.verbs is None or bool(self.verbs.editor or self.verbs.owner)
        closed = (
            self.verbs is not None if not self.namespaced else changes or self.plural == "secrets"
        )
        if self.group in GOVERNED_GROUPS and (closed or self.subresources):
            message = (
                f"{self.group}: what teams do with kinds of this group is Manor's to say: "
                f"in their namespaces they "
            )
            raise Misplaced(
                message + "may read them (verbs: {editor: []}), and no Secrets", "group"
            )
        if (
            not self.namespaced
            and self.verbs is not None
            and (self.verbs.editor or self.verbs.owner)
        ):
            message = (
                f"{self.kind} lives in no namespace and is everyone's: tenants may only "
                f"read it; write editor: []"
            )
            raise Misplaced(message, "verbs")
        return self

    @property
    def _verbs(self) -> Verbs:
        if self.verbs is not None:
            return self.verbs.rule()
        return pack_zero.WORKED_WITH if self.namespaced else Verbs()

    @property
    def rule(self) -> KindRule:
        """The same as the built-in kinds have."""
        return KindRule(
            *(self.group, self.kind, self.plural),
            namespaced=self.namespaced,
            verbs=self._verbs,
            subresources={name: verbs.rule() for name, verbs in self.subresources.items()},
            scale=self.scale,
            counted=self.counted and self.namespaced,
            owns=self.owns and self.namespaced,
        )


class ToolTraffic(PodSelector):
    """Pods of the system that exchange traffic with tenants' pods."""

    name: Name
    """Name of the opening."""
    direction: Literal["ingress", "egress", "both"] = "ingress"
    """Who connects: its pods to tenants' (ingress), tenants' to its (egress), or both."""
    ports: list[Annotated[int, Field(ge=1, le=65535)]] = Field(min_length=1, max_length=32)
    """TCP ports that are connected to."""
    to: Labels = {}
    """Labels of the tenants' pods that take part; none means all of them."""


class Variable(Spec):
    """A part of an expression that has a name."""

    name: Annotated[str, Field(pattern=r"^[a-z][A-Za-z0-9]*$", max_length=63)]
    """Name, for `variables.<name>`."""
    expression: Annotated[str, Field(min_length=1, max_length=2000)]
    """CEL."""


class ToolRule(Spec):
    """What must hold, and what is said where it does not."""

    expression: Annotated[str, Field(min_length=1, max_length=2000)]
    """CEL over `object`, `oldObject`, `request`, `variables` and the tenant's `params.data`; true
    admits."""
    message: Line
    """What is wrong and what to do; whom to ask is added."""


class Guardrail(Spec):
    """What the system's kinds may say in a tenant's namespace (a ValidatingAdmissionPolicy)."""

    name: Name
    """Name: the policy is `manor-<tool>-<name>`."""
    kinds: Annotated[list[KindName], Field(min_length=1, max_length=16), Once()]
    """Kinds of this Tool that it looks at."""
    variables: Annotated[list[Variable], Field(max_length=32), Once(("name",))] = []
    """Named parts of the rules."""
    rules: Annotated[list[ToolRule], Field(min_length=1, max_length=32)]
    """What must hold."""
    admits: list[RawObject] = Field(min_length=1, max_length=32)
    """Objects that it must admit; `manor tools check` tries them, and `$namespace`, `$tenant` stand
    for the test's."""
    severity: Literal["critical", "high", "medium", "low"] = "high"
    """What a tenant would gain without it, as `manor verify` reports it."""
    references: list[Line] = Field(default=[], max_length=8)
    """Published holes that it closes: CVE numbers, issues."""
    refuses: list[RawObject] = Field(min_length=1, max_length=64)
    """Objects that it must refuse, and no other policy."""


class ToolObjects(Spec):
    """What the system needs in order to serve a tenant; `$tenant`, `$namespace`, `$domain` and
    `$image` (the Platform's `images.tools`) are filled in."""

    tenant: list[RawObject] = Field(default=[], max_length=32)
    """Once for each tenant; what lives in a namespace and names none is put into the tenant's first
    one."""
    namespace: list[RawObject] = Field(default=[], max_length=32)
    """In each namespace of each tenant."""


class GoModule(Spec):
    """Files of a Go module, as every module proxy serves them, checked against their hash."""

    path: Annotated[str, Field(pattern=r"^[a-z0-9.-]+(/[A-Za-z0-9._~-]+)+$", max_length=253)]
    """Path of the module."""
    version: Annotated[str, Field(pattern=r"^v[0-9A-Za-z.+-]+$", max_length=128)]
    """Version."""
    sum: Annotated[str, Field(pattern=r"^h1:[A-Za-z0-9+/]{43}=$", max_length=47)]
    """Hash of its files, as go.sum has it."""


class ToolCertificate(Spec):
    """A certificate for a server of the system's that the API server connects to, where its makers
    leave it to others.

    It is made when the system is installed, signed by itself and kept on the cluster alone: the key
    is in no file.
    """

    secret: Name
    """Secret that holds it (`tls.crt`, `tls.key`)."""
    service: Name
    """Service that it is for; the webhooks, APIServices and CRDs that name this Service trust it
    and nothing else."""


class ToolInstall(Spec):
    """How the system is put onto a cluster: its makers' manifests at a pinned version, hardened,
    and what is added."""

    namespace: Name
    """Namespace of its controllers; made closed, and `restricted`."""
    image: Annotated[
        str, Field(pattern=r"^[a-z0-9][-a-z0-9._:/]*:[A-Za-z0-9._-]+$", max_length=512)
    ]
    """Image of its controller, with a tag; `$image`, `$registry`, `$repository` and `$tag` stand
    for it, or for its mirror. `$registry/<name>:$tag` in `values` or `objects` is an image beside
    it."""
    program: (
        Annotated[str, Field(pattern=r"^[a-z0-9.-]+(/[A-Za-z0-9._~-]+)+$", max_length=253)] | None
    ) = None
    """Go package of the controller, from which the embedded node's image of it is made."""
    module: GoModule | None = None
    """Go module that holds chart and CRDs."""
    chart: Annotated[str, Field(max_length=253)] | None = None
    """Folder of the Helm chart in the module."""
    values: RawObject = {}
    """Values of the chart."""
    crds: list[Annotated[str, Field(max_length=253)]] = Field(default=[], max_length=16)
    """Files of CustomResourceDefinitions in the module; `*` stands for any name."""
    without: list[KindName] = Field(default=[], max_length=16)
    """Kinds of the chart's objects that are left out (APIService, say)."""
    objects: list[RawObject] = Field(default=[], max_length=64)
    """What is installed besides, or in place of a chart."""
    ports: list[Annotated[int, Field(ge=1, le=65535)]] = Field(default=[], max_length=8)
    """Ports of its pods that the API server connects to (webhooks); nobody reaches any other."""
    certificate: ToolCertificate | None = None
    """Certificate of its webhooks or its API, unless it makes one itself."""
    broad: list[Annotated[str, Field(max_length=253)]] = Field(default=[], max_length=16)
    """ClusterRoles of the chart that hold a wildcard and keep it; of any other it stops the
    installation."""


class ToolSpec(Spec):
    """The facts of an ML system that make it fit for many teams."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            keys_rule("metadataKeys"),
            (
                "!has(self.guardrails) || self.guardrails.all(g, g.kinds.all(k, has(self.kinds) && "
                "self.kinds.exists(x, x.kind == k)))",
                "a guardrail looks at a kind that is not among the Tool's kinds",
            ),
            (
                "!has(self.rights) || (has(self.controllers) && self.controllers.size() > 0)",
                "rights are those of controllers: name their service accounts",
            ),
        )
    )

    summary: Line
    """What it is, in a few words."""
    version: Annotated[str, Field(pattern=r"^[-A-Za-z0-9._+]+$", max_length=63)]
    """Version of the system that these facts are true of."""
    notice: Line = ""
    """What whoever turns it on must know: a licence, a limit of its design."""
    needs: Annotated[list[Name], Field(max_length=8), Once()] = []
    """Tools that must be on where this one is."""
    kinds: Annotated[list[ToolKind], Field(max_length=32), Once(("group", "kind"))] = []
    """Its kinds."""
    controllers: list[Controller] = Field(default=[], max_length=16)
    """Service accounts of its controllers. What one makes at a tenant's word is judged as the
    tenant's."""
    rights: list[NamedRule] = Field(default=[], max_length=32)
    """What its controllers may do in the namespaces of tenants that use it, beside what they may do
    everywhere."""
    metadata_keys: Annotated[list[MetadataKey], AfterValidator(check_keys)] = Field(
        default=[], max_length=64
    )
    """Keys of labels and annotations that it reads and writes on a tenant's objects: `ray.io/*`."""
    finalizers: Annotated[
        list[Annotated[str, Field(pattern=ANNOTATION, max_length=316)]], Field(max_length=16)
    ] = []
    """Finalizers that a webhook of its own puts onto a tenant's new object."""
    traffic: Annotated[list[ToolTraffic], Field(max_length=16), Once(("name",))] = []
    """Its pods that exchange traffic with tenants'."""
    guardrails: Annotated[list[Guardrail], Field(max_length=16), Once(("name",))] = []
    """What its kinds may say."""
    objects: ToolObjects = ToolObjects()
    """What it needs for each tenant and namespace."""
    env: dict[EnvName, Annotated[str, Field(max_length=1024)]] = Field(default={}, max_length=32)
    """Environment variables of the tenant's TrainingJobs and Models, unless they set them; filled
    in as `objects.tenant` are: `$namespace` is the tenant's first one."""
    install: ToolInstall | None = None
    """How `manor tools install` installs it; absent where that is somebody else's."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        kinds = {kind.kind for kind in self.kinds}
        for index, guardrail in enumerate(self.guardrails):
            for at, kind in enumerate(guardrail.kinds):
                if kind not in kinds:
                    message = (
                        f"{kind} is not among the Tool's kinds: "
                        f"{', '.join(sorted(kinds)) or 'none'}"
                    )
                    raise Misplaced(message, "guardrails", index, "kinds", at)
        if self.rights and not self.controllers:
            raise Misplaced(
                "rights are those of controllers: name their service accounts", "rights"
            )
        return self


class ToolMetadata(Metadata):
    """The Tool's metadata."""

    name: Annotated[Name, Field(max_length=30)]
    """Name of the Tool, at most 30 characters: it is part of the names of roles and policies."""


class Tool(Kind):
    """An ML system made fit for many teams."""

    api_version: ApiVersion
    kind: Literal["Tool"]
    metadata: ToolMetadata
    spec: ToolSpec

    @property
    def name(self) -> str:
        """The Tool's name."""
        return self.metadata.name

    @property
    def has_roles(self) -> bool:
        """Whether it has kinds that a role in a namespace says something of."""
        return any(kind.namespaced for kind in self.spec.kinds)

    @property
    def concerns_teams(self) -> bool:
        """Whether anything follows for a team that uses it; metrics-server serves the cluster."""
        spec, nothing = self.spec, ToolObjects()
        return bool(spec.kinds or spec.traffic or spec.env or spec.metadata_keys) or (
            spec.objects != nothing
        )
