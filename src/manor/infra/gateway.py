"""The way in from outside on a cloud cluster: Envoy Gateway, as on the embedded node.

GKE's own Gateway controller would send traffic from Google's load balancers straight to pods, past
the one peer that tenants' NetworkPolicies admit. With Envoy as pods, the same front, proxies and
policies hold here and there.
"""

from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from manor.api.wellknown import ENVOY_API, ENVOY_GROUP
from manor.infra.registration import logical_name, type_token
from manor.infra.resources import KubernetesObject
from manor.render import Object

CHART = "oci://docker.io/envoyproxy/gateway-helm"
VERSION = "v1.9.1"
PROXIES = "envoy-gateway-system"
FRONT = "manor-front"
"""Namespaces, each with an Envoy Gateway of its own: the front's reads nothing that a tenant
writes."""

_CONTROLLER = {
    PROXIES: "gateway.envoyproxy.io/gatewayclass-controller",
    FRONT: "gateway.envoyproxy.io/manor-front",
}


class EnvoyGatewayArgs(TypedDict):
    """What an EnvoyGateway is made of."""

    class_name: NotRequired[str]
    """The tenants' GatewayClass, as the Platform's `gateway.className` has it. Default manor."""
    front_class_name: NotRequired[str]
    """The front's GatewayClass, as the Platform's `gateway.front.className` has it. Default
    manor-front."""
    install: NotRequired[bool]
    """Whether Envoy Gateway's chart is installed; false where the cluster has it already, in the
    namespaces envoy-gateway-system and manor-front. Default true."""


def _proxies(requests: Object, replicas: int, **pod: Any) -> Object:
    """A Deployment of Envoy alone: Envoy Gateway's second process drains a sound Envoy when its own
    probe is slow."""
    envoy = {
        "name": "envoy",
        "lifecycle": {"preStop": {"httpGet": None, "sleep": {"seconds": 5}}},
        "startupProbe": {"periodSeconds": 1, "failureThreshold": 300},
        "readinessProbe": {"timeoutSeconds": 5},
        "livenessProbe": {"timeoutSeconds": 5},
    }
    containers = [{"name": "shutdown-manager", "$patch": "delete"}, envoy]
    template = {"spec": {"terminationGracePeriodSeconds": 30, "containers": containers}}
    return {
        "replicas": replicas,
        "container": {"resources": requests},
        "patch": {"type": "StrategicMerge", "value": {"spec": {"template": template}}},
        **({"pod": pod} if pod else {}),
    }


def _class(name: str, namespace: str, kubernetes_spec: Object, **spec: Any) -> list[Object]:
    """A GatewayClass and how its proxies run."""
    reference = {
        "group": ENVOY_GROUP,
        "kind": "EnvoyProxy",
        "name": name,
        "namespace": namespace,
    }
    provider = {"type": "Kubernetes", "kubernetes": kubernetes_spec}
    return [
        _object(ENVOY_API, "EnvoyProxy", name, namespace, {**spec, "provider": provider}),
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": name},
            "spec": {"controllerName": _CONTROLLER[namespace], "parametersRef": reference},
        },
    ]


def _object(api_version: str, kind: str, name: str, namespace: str, spec: Object) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def gateway_objects(class_name: str, front_class_name: str) -> list[Object]:
    """The front behind one load balancer, in two pods, and behind it one proxy for each tenant's
    Gateway."""
    small = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}}
    large = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}
    proxies = {"envoyDeployment": _proxies(small, 1), "envoyService": {"type": "ClusterIP"}}
    front = {
        "envoyDeployment": _proxies(large, 2, labels={"manor.dev/front": "true"}),
        "envoyPDB": {"minAvailable": 1},
        "envoyService": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"},
    }
    tenants = {"matchExpressions": [{"key": "manor.dev/tenant", "operator": "Exists"}]}
    one_hop = {
        "targetSelectors": [{"kind": "Gateway", "namespaces": {"from": "All"}, **tenants}],
        "clientIPDetection": {"xForwardedFor": {"numTrustedHops": 1}},
    }
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "manor-front"}
    return [
        *_class(class_name, PROXIES, proxies, concurrency=1),
        _object(ENVOY_API, "ClientTrafficPolicy", class_name, PROXIES, one_hop),
        *_class(front_class_name, FRONT, front),
        _object(
            ENVOY_API,
            "BackendTrafficPolicy",
            FRONT,
            FRONT,
            {"targetRefs": [target], "useClientProtocol": True},
        ),
    ]


class EnvoyGateway(pulumi.ComponentResource):
    """Envoy Gateway and the GatewayClass that tenants' Gateways use."""

    def __init__(
        self, name: str, args: EnvoyGatewayArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("manor:index:EnvoyGateway", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        needs: list[pulumi.Resource] = []
        if args.get("install", True):
            needs.append(self._release(name, PROXIES, {}, own))
            # The chart's definitions of kinds are there by then.
            after = pulumi.ResourceOptions.merge(
                own, pulumi.ResourceOptions(depends_on=list(needs))
            )
            needs.append(self._release(f"{name}-front", FRONT, {"crds": {"enabled": False}}, after))
        for obj in gateway_objects(
            args.get("class_name", "manor"), args.get("front_class_name", FRONT)
        ):
            after = pulumi.ResourceOptions.merge(
                own, pulumi.ResourceOptions(depends_on=list(needs))
            )
            needs.append(KubernetesObject(logical_name(name, obj), type_token(obj), obj, after))
        self.register_outputs({})

    def _release(
        self, name: str, namespace: str, values: Object, opts: pulumi.ResourceOptions
    ) -> kubernetes.helm.v3.Release:
        """Envoy Gateway in a namespace; the front's has rights in its own and the proxies'
        namespace alone."""
        limits: dict[str, Any] = {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "1Gi"},
        }
        config: dict[str, Any] = {"gateway": {"controllerName": _CONTROLLER[namespace]}}
        if namespace == PROXIES:
            # Counts tokens (policy manor-tokens); of no other form a team writes a program.
            config["extensionApis"] = {"enableLua": True}
        if namespace == FRONT:
            watch = {"type": "Namespaces", "namespaces": [FRONT, PROXIES]}
            config["provider"] = {"type": "Kubernetes", "kubernetes": {"watch": watch}}
        return kubernetes.helm.v3.Release(
            name,
            name=namespace,
            chart=CHART,
            version=VERSION,
            namespace=namespace,
            create_namespace=True,
            values={
                "deployment": {"envoyGateway": {"resources": limits}},
                "topologyInjector": {"enabled": False},
                "config": {"envoyGateway": config},
                **values,
            },
            opts=opts,
        )
