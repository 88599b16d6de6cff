"""What may stop an attack. A denial counts only when the mechanism that the guarantee names has
spoken.

Each mechanism knows the API server's own words for its refusals: RBAC (k8s.io/apiserver,
handlers/responsewriters/errors.go), ValidatingAdmissionPolicy (k8s.io/apiserver,
admission/plugin/policy/validating/dispatcher.go), PodSecurity
(k8s.io/pod-security-admission/admission), ResourceQuota (plugin/resourcequota/controller.go),
LimitRanger (plugin/pkg/admission/limitranger), and the escalation check of RBAC's own storage
(pkg/registry/rbac/escalation_check.go).
"""

import re
from dataclasses import dataclass

from manor.kube import ApiError

POLICY = re.compile(
    (
        r"ValidatingAdmissionPolicy '(?P<policy>[^']+)' with binding '(?P<binding>[^']+)' denied "
        r"request: ?(?P<why>.*)"
    ),
    re.S,
)


CRASHED = "resulted in error:"


@dataclass(frozen=True)
class Mechanism:
    """Recognises its own refusals by HTTP status and message."""

    name: str
    statuses: tuple[int, ...]
    pattern: str

    def stopped(self, error: ApiError) -> str | None:
        """The name of the mechanism if the refusal is its work, None if it is another's."""
        if error.status in self.statuses and re.search(self.pattern, error.message, re.S):
            return self.name
        return None


@dataclass(frozen=True)
class Policy:
    """A ValidatingAdmissionPolicy, by its name (a regular expression), with a message for the
    tenant."""

    policy: str

    @property
    def name(self) -> str:
        """How reports call it."""
        return f"policy {self.policy.removesuffix('(-.+)?')}"

    def stopped(self, error: ApiError) -> str | None:
        """The policy's own name if it refused and said why; an expression that crashed refuses by
        luck."""
        found = POLICY.search(error.message)
        if (
            found
            and re.fullmatch(self.policy, found["policy"])
            and found["why"].strip()
            and CRASHED not in found["why"]
        ):
            return f"policy {found['policy']}"
        return None


@dataclass(frozen=True)
class AnyOf:
    """One of several mechanisms, each of which is enough."""

    members: "tuple[Mechanism | Policy, ...]"

    @property
    def name(self) -> str:
        """How reports call it."""
        return " or ".join(member.name for member in self.members)

    def stopped(self, error: ApiError) -> str | None:
        """The name of the one that refused."""
        return next((name for member in self.members if (name := member.stopped(error))), None)


Stopper = Mechanism | Policy | AnyOf

RBAC = Mechanism("RBAC", (403,), r'is forbidden: User "[^"]*" cannot |^User "[^"]*" cannot ')
ESCALATION = Mechanism(
    "RBAC escalation check",
    (403,),
    (
        r"is attempting to grant RBAC permissions not currently held|not found, cannot escalate|is "
        r"not allowed to set"
    ),
)
NO_VERB = Mechanism("the API, which has no such verb", (405,), "")
POD_SECURITY = Mechanism("Pod Security", (403,), r"violates PodSecurity")
QUOTA = Mechanism("quota", (403,), r"exceeded quota: ")
WEBHOOK = Mechanism("webhook", tuple(range(400, 500)), r"^admission webhook \S+ denied the request")
LIMITS = Mechanism("limit range", (403,), r"(maximum|minimum) .* (usage|limit)|must specify")
SCHEMA = Mechanism(
    "API validation",
    (422, 400),
    r"is invalid|Forbidden|Invalid value|Unsupported value|unknown field",
)
FOREIGN_IP = Mechanism("API validation", (422,), r"Invalid value")


def policy(name: str) -> Policy:
    """Manor's policy `manor-<name>`, or one of its parts, `manor-<name>-…`."""
    return Policy(f"manor-{name}(-.+)?")


def any_of(*members: Mechanism | Policy) -> AnyOf:
    """Any of these is enough."""
    return AnyOf(members)
