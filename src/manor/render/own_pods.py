"""Manor's own pods in the system namespace: what they may do, how they are held, and where they may
go."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from manor.api.platform import DnsService, PlatformNetwork
from manor.api.wellknown import RBAC_API, RBAC_GROUP, SYSTEM_NAMESPACE
from manor.render.network import dns_rules, to_port
from manor.render.objects import Object, make

_USER = 65532
_API_SERVER_PORTS = (443, 6443)
_DNS: DnsService = PlatformNetwork.model_fields["dns"].default


class Right(NamedTuple):
    """What an account of Manor's may do, and why."""

    reason: str
    verbs: Sequence[str]
    group: str
    resources: Sequence[str]
    names: Sequence[str] = ()

    @property
    def rule(self) -> Object:
        """As RBAC has it."""
        named = {"resourceNames": list(self.names)} if self.names else {}
        return {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            **named,
            "verbs": list(self.verbs),
        }


def account(name: str) -> Object:
    """A service account whose token only those pods have that say so."""
    return make("v1", "ServiceAccount", name, SYSTEM_NAMESPACE, automountServiceAccountToken=False)


def granted(
    who: str, role: str, rights: Iterable[Right], namespace: str | None = None
) -> list[Object]:
    """A role of these rights, everywhere or in one namespace, and its binding to an account."""
    kind = "Role" if namespace else "ClusterRole"
    return [
        make(RBAC_API, kind, role, namespace, rules=[right.rule for right in rights]),
        bound(who, role, kind, role, namespace),
    ]


def bound(who: str, name: str, kind: str, role: str, namespace: str | None = None) -> Object:
    """The binding of a role to an account of the system namespace."""
    return make(
        RBAC_API,
        "RoleBinding" if namespace else "ClusterRoleBinding",
        name,
        namespace,
        roleRef={"apiGroup": RBAC_GROUP, "kind": kind, "name": role},
        subjects=[{"kind": "ServiceAccount", "name": who, "namespace": SYSTEM_NAMESPACE}],
    )


def ways_out(network: PlatformNetwork | None) -> list[Object]:
    """To the API server and DNS. The API server is no pod, and nothing names it but addresses,
    which the Platform may know: where it does not, its ports at any address."""
    return [*_api_servers(network), *dns_rules(network.dns if network else _DNS)]


def _api_servers(network: PlatformNetwork | None) -> list[Object]:
    if network is None or not network.api_servers:
        return [{"ports": [{"protocol": "TCP", "port": port} for port in _API_SERVER_PORTS]}]
    return [to_port(server.cidr, server.port) for server in network.api_servers]


def pod_spec(who: str, container: Object, **more: object) -> Object:
    """The spec of a pod of the account, with one container."""
    return {
        "serviceAccountName": who,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
        **more,
    }


def container(
    name: str, image: str, args: Sequence[str], resources: Mapping[str, object], **more: object
) -> Object:
    """A container that runs `manor` with `args`."""
    return {
        "name": name,
        "image": image,
        "args": list(args),
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own emptyDir
        **more,
    }
