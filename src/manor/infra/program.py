"""The configuration of the programs under `deploy/`, and the specs that it leads to, checked before all else."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pulumi
from pydantic import Field

from manor.infra.errors import InvalidSettings
from manor.infra.gke.options import GkeOptions, Options
from manor.infra.gke.platform import platform_on
from manor.infra.settings import read_values, validated
from manor.load import Document, InvalidInput, Problem, Specs, read, specs_from


class Files(Options):
    """Where the specs are."""

    platform: Path = Path("platform.yaml")
    """The file of the Platform, beside Pulumi.yaml unless absolute."""
    teams: Path = Path("teams")
    """The folder (or file) of the Tenants, and of their TrainingJobs and Models."""

    def documents(self) -> tuple[Document, list[Document]]:
        """The Platform's document, and all others. InvalidInput if there is not exactly one Platform."""
        found = read([self.platform])
        if len(found) != 1 or not isinstance(found[0].value, dict):
            raise InvalidInput([Problem(str(self.platform), 0, "", "must hold one document: the Platform")])
        return found[0], read([self.teams])


class AnyProgram(Files):
    """Tenants on a cluster that exists."""

    kubeconfig: str | None = None
    """Content or path of its kubeconfig; $KUBECONFIG or ~/.kube/config when absent."""
    context: str | None = None
    """Context of the kubeconfig; the current one when absent."""
    force: bool = False
    """Whether fields that others changed are taken back; otherwise they stop the run."""
    install_gateway: bool = False
    """Whether Envoy Gateway is installed too. Default false: a cluster in use has its way in."""

    @classmethod
    def read(cls) -> Self:
        """The stack's configuration. InvalidSettings holds every problem."""
        return validated(cls, read_values(cls, pulumi.Config().get), pulumi.get_project())

    def specs(self) -> Specs:
        """The specs in the files. InvalidInput holds every problem."""
        platform, others = self.documents()
        return specs_from([platform, *others])


class GkeProgram(GkeOptions, Files):
    """A GKE cluster and tenants on it."""

    domain: str | None = Field(default=None, min_length=1)
    """DNS domain of the platform; the one in the Platform's file when absent."""
    registry: str | None = None
    """Image repository that holds Manor's images; `<region>-docker.pkg.dev/<project>/manor` when absent."""

    @classmethod
    def read(cls) -> Self:
        """The stack's configuration, with the project from `gcp:project`. InvalidSettings holds every problem."""
        google = pulumi.Config("gcp").get("project")
        if not google:
            advice = "missing; run: pulumi config set gcp:project <your project's ID>"
            raise InvalidSettings([f"gcp:project: {advice}"])
        values = {**read_values(cls, pulumi.Config().get), "project": google}
        return validated(cls, values, pulumi.get_project())

    def platform_value(self, written: dict[str, Any]) -> dict[str, Any]:
        """The Platform as it is on this cluster: addresses, flavors, domain, registry."""
        whole = platform_on(self, written)
        spec = whole["spec"]
        registry = self.registry or f"{self.region}-docker.pkg.dev/{self.project}/manor"
        spec["registries"] = list(dict.fromkeys([registry, *spec.get("registries", [])]))
        if self.domain:
            spec["domain"] = self.domain
        images = dict(spec.get("images", {}))
        images.setdefault("training", f"{registry}/training:0.1.0")
        images.setdefault("serving", {"sklearn": f"{registry}/serving:0.1.0"})
        spec["images"] = images
        return whole

    def specs(self) -> Specs:
        """The specs in the files, on this cluster. InvalidInput holds every problem."""
        platform, others = self.documents()
        problems = [problem for document in others for problem in self._unmet(document)]
        if problems:
            raise InvalidInput(problems)
        return specs_from([Document(self.platform_value(platform.value), platform.source, platform.lines), *others])

    def _unmet(self, document: Document) -> Iterator[Problem]:
        """What a tenant asks of the cluster and the cluster's options do not give."""
        spec = document.value.get("spec") if isinstance(document.value, dict) else None
        if not isinstance(spec, dict) or document.value.get("kind") != "Tenant":
            return
        if spec.get("sandbox") and self.sandbox_pool is None:
            advice = "the cluster has no sandbox: set sandboxPool in the stack's configuration, or remove this"
            yield Problem(document.source, document.line(("spec", "sandbox")), "spec.sandbox", advice)
        gpu = spec.get("gpu")
        if isinstance(gpu, dict):
            yield from self._unmet_gpu(document, gpu)

    def _unmet_gpu(self, document: Document, gpu: dict[str, Any]) -> Iterator[Problem]:
        pools = [pool.name for pool in self.gpu_pools]
        advice = f"add it to gpuPools in the stack's configuration (now: {', '.join(pools) or 'none'}), or remove this"
        flavors: Sequence[Any] = gpu.get("flavors") or []
        for index, flavor in enumerate(flavors):
            if flavor not in pools:
                line = document.line(("spec", "gpu", "flavors", index))
                yield Problem(document.source, line, f"spec.gpu.flavors[{index}]", f"no GPU pool {flavor!r}: {advice}")
        if not pools and not flavors and (gpu.get("guarantee") or gpu.get("borrow")):
            yield Problem(document.source, document.line(("spec", "gpu")), "spec.gpu", f"no GPU pool at all: {advice}")
