"""What a tenant runs is seen by its own members alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC
from manor.verify.objects import NAME
from manor.verify.requests import lists, read

CHECK = Check(
    id="MNR-RBAC-002",
    title="Read another tenant's Pods, ConfigMaps, logs and events",
    guarantee="What a tenant runs is seen by its own members alone.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "CIS 5.1.1",
        "NSA/CISA: Authentication and authorization",
        "MTB-PL1-CC-TI-2: Block access to other tenant resources",
    ),
    attempt=(
        "Lists Pods, ConfigMaps, PersistentVolumeClaims, Services, Deployments, Jobs and Events "
        "of another "
        "tenant, gets a Pod's log."
    ),
    expect="403 from RBAC.",
    remedy="Remove the binding that lets the attacker read there.",
    run=refused(
        {
            "list Pods": lists("v1", "Pod", "$other"),
            "list ConfigMaps": lists("v1", "ConfigMap", "$other"),
            "list PersistentVolumeClaims": lists("v1", "PersistentVolumeClaim", "$other"),
            "list Services": lists("v1", "Service", "$other"),
            "list Events": lists("v1", "Event", "$other"),
            "list Deployments": lists("apps/v1", "Deployment", "$other"),
            "list Jobs": lists("batch/v1", "Job", "$other"),
            "get a ConfigMap": read("v1", "ConfigMap", "kube-root-ca.crt", "$other"),
            "get a log": read("v1", "Pod", NAME, "$other", "log"),
        },
        by=RBAC,
        control={"list its own Pods": lists("v1", "Pod", "$own")},
    ),
)
