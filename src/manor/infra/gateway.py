"""The way in from outside on a cloud cluster: Envoy Gateway, as on the embedded node.

GKE's own Gateway controller would send traffic from Google's load balancers straight to pods, past the one peer that
tenants' NetworkPolicies admit. With Envoy as pods of a namespace, the same policies hold here and there.
"""

from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from manor.infra.registration import logical_name, type_token
from manor.infra.resources import KubernetesObject
from manor.render import Object

CHART = "oci://docker.io/envoyproxy/gateway-helm"
VERSION = "v1.9.1"
NAMESPACE = "envoy-gateway-system"


class EnvoyGatewayArgs(TypedDict):
    """What an EnvoyGateway is made of."""

    class_name: NotRequired[str]
    """The GatewayClass, as the Platform's `gateway.className` has it. Default manor."""
    install: NotRequired[bool]
    """Whether Envoy Gateway's chart is installed; false where the cluster has it already. Default true."""


def gateway_objects(class_name: str) -> list[Object]:
    """One Envoy, behind one load balancer, for all Gateways of the class."""
    reference = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": class_name, "namespace": NAMESPACE}
    controller = "gateway.envoyproxy.io/gatewayclass-controller"
    service = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    return [
        {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyProxy",
            "metadata": {"name": class_name, "namespace": NAMESPACE},
            "spec": {
                "mergeGateways": True,
                "provider": {"type": "Kubernetes", "kubernetes": {"envoyService": service}},
            },
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": class_name},
            "spec": {"controllerName": controller, "parametersRef": reference},
        },
    ]


class EnvoyGateway(pulumi.ComponentResource):
    """Envoy Gateway and the GatewayClass that tenants' Gateways use."""

    def __init__(self, name: str, args: EnvoyGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("manor:index:EnvoyGateway", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        needs: list[pulumi.Resource] = [self._release(name, own)] if args.get("install", True) else []
        for obj in gateway_objects(args.get("class_name", "manor")):
            after = pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(depends_on=list(needs)))
            needs.append(KubernetesObject(logical_name(name, obj), type_token(obj), obj, after))
        self.register_outputs({})

    def _release(self, name: str, opts: pulumi.ResourceOptions) -> kubernetes.helm.v3.Release:
        limits: dict[str, Any] = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
        return kubernetes.helm.v3.Release(
            name,
            name="envoy-gateway",
            chart=CHART,
            version=VERSION,
            namespace=NAMESPACE,
            create_namespace=True,
            values={"deployment": {"envoyGateway": {"resources": limits}}},
            opts=opts,
        )
