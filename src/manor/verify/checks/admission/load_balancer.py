"""Load balancers are for tenants that may have them."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.mechanisms import QUOTA, any_of, policy
from manor.verify.objects import service
from manor.verify.requests import Request, create


async def _orders(context: AttackContext) -> dict[str, Request]:
    tenant = context.attacker.tenant
    allowed = tenant is not None and tenant.spec.load_balancers
    return {
        **({} if allowed else {"LoadBalancer": create(service(type="LoadBalancer"))}),
        "a chosen class": create(service(type="LoadBalancer", loadBalancerClass="example.com/lb")),
        "a chosen address": create(service(type="LoadBalancer", loadBalancerIP="10.0.0.1")),
    }


CHECK = Check(
    id="MNR-ADMISSION-002",
    title="Order a load balancer",
    guarantee="Load balancers are for tenants that may have them.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "CVE-2020-8554 (class)",
        "Kubernetes: Multi-tenancy, network isolation",
    ),
    attempt="Creates Services of type LoadBalancer, with a class and with an address.",
    expect="Refused by the policy manor-services or by the quota `services.loadbalancers: 0`.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        _orders,
        by=any_of(policy("services"), QUOTA),
        control=create(service()),
    ),
)
