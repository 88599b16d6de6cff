"""The configuration of the programs under `deploy/`, and the specs that it leads to, checked before
all else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pulumi
from pydantic import Field

from manor.engines import checked
from manor.infra.errors import InfraError, InvalidSettings
from manor.infra.gke.options import GkeOptions, Options
from manor.infra.gke.platform import platform_on
from manor.infra.settings import read_values, validated
from manor.infra.tools import ToolInstallationArgs
from manor.install.errors import InstallError
from manor.install.manifests import manifests
from manor.load import Document, InvalidInput, Problem, Specs, read, specs_from
from manor.render import spec_object
from manor.shipped import IMAGES_VERSION

API_SERVER_TO_BE = [{"cidr": "192.0.2.1/32"}]
"""Stands for the API server's address until there is one (RFC 5737: no real cluster has it)."""


@contextmanager
def _plainly() -> Iterator[None]:
    """What is wrong with a user's configuration or files, as Pulumi tells it without a
    traceback."""
    try:
        yield
    except (InvalidSettings, InvalidInput, InstallError) as error:
        raise pulumi.RunError(str(error)) from None


def _reviewed(specs: Specs) -> Specs:
    """The specs as they are. InvalidInput says what shows only once they are compiled, as `manor
    apply` does."""
    if specs.platform is not None:
        _, objections = checked(specs.platform, specs.tenants, specs.all, tools=specs.toolset)
        if objections:
            raise InvalidInput([specs.problem(o.spec, o.path, o.message) for o in objections])
    return specs


def _path(document: Document, *path: str) -> Any:
    """The value at a path of a document that nobody has checked yet; None where there is none."""
    value = document.value
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


class Files(Options):
    """Where the specs are, and how what they become is written."""

    platform: Path = Path("platform.yaml")
    """The file of the Platform, beside Pulumi.yaml unless absolute."""
    teams: Path = Path("teams")
    """The folder (or file) of the Tenants, and of their TrainingJobs and Models."""
    delete_data: list[str] = []
    """Tenants whose volumes may be deleted. None by default: volumes are protected, and stay on the
    cluster."""
    force: bool = False
    """Whether fields that others changed are taken back; otherwise they stop the run."""

    def documents(self) -> tuple[Document, list[Document]]:
        """The Platform's document, and all others. InvalidInput if there is not exactly one
        Platform."""
        found = read([self.platform])
        if len(found) != 1 or not isinstance(found[0].value, dict):
            raise InvalidInput(
                [Problem(str(self.platform), 0, "", "must hold one document: the Platform")]
            )
        return found[0], read([self.teams])


class AnyProgram(Files):
    """Tenants on a cluster that exists."""

    kubeconfig: str | None = None
    """Content or path of its kubeconfig; $KUBECONFIG or ~/.kube/config when absent."""
    context: str | None = None
    """Context of the kubeconfig; the current one when absent."""
    install_gateway: bool = False
    """Whether Envoy Gateway is installed too. Default false: a cluster in use has its way in."""

    @classmethod
    @_plainly()
    def read(cls) -> Self:
        """The stack's configuration. RunError says every problem."""
        return validated(cls, read_values(cls, pulumi.Config().get), pulumi.get_project())

    @_plainly()
    def specs(self) -> Specs:
        """The specs in the files. RunError says every problem."""
        platform, others = self.documents()
        return _reviewed(specs_from([platform, *others]))


class GkeProgram(GkeOptions, Files):
    """A GKE cluster and tenants on it."""

    domain: str | None = Field(default=None, min_length=1)
    """DNS domain of the platform; the one in the Platform's file when absent."""
    registry: str | None = None
    """Image repository that holds Manor's images; `<region>-docker.pkg.dev/<project>/manor` when
    absent."""
    install_gateway: bool = True
    """Whether Envoy Gateway is installed too. Default true: a new cluster has no way in."""
    install_tools: bool = True
    """Whether the systems of the Tools that the Platform turns on are installed too, as far as
    their Tools say how. Default true: a new cluster has none."""
    buckets: list[str] = []
    """Teams that get a bucket of their own, which their pods alone reach, without a key. None by
    default."""

    @classmethod
    @_plainly()
    def read(cls) -> Self:
        """The stack's configuration, with the project from `gcp:project`. RunError says every
        problem."""
        google = pulumi.Config("gcp").get("project")
        if not google:
            advice = "missing; run: pulumi config set gcp:project <your project's ID>"
            raise InvalidSettings([f"gcp:project: {advice}"])
        values = {**read_values(cls, pulumi.Config().get), "project": google}
        try:
            return validated(cls, values, pulumi.get_project())
        except InvalidSettings as error:
            own = f"{pulumi.get_project()}:project:"
            raise InvalidSettings(
                [text.replace(own, "gcp:project:") for text in error.problems]
            ) from None

    def _platform(self, written: dict[str, Any], *, api_server: bool) -> dict[str, Any]:
        """The Platform as it is on this cluster: addresses, flavors, domain, registry."""
        stack = platform_on(self, written)
        spec = stack["spec"]
        registry = self.registry or f"{self.region}-docker.pkg.dev/{self.project}/manor"
        spec["registries"] = list(dict.fromkeys([registry, *spec.get("registries", [])]))
        if self.domain:
            spec["domain"] = self.domain
        images = dict(spec.get("images", {}))
        images.setdefault("training", f"{registry}/training:{IMAGES_VERSION}")
        images.setdefault("serving", {"sklearn": f"{registry}/serving:{IMAGES_VERSION}"})
        spec["images"] = images
        if api_server:
            spec["network"].setdefault("apiServers", API_SERVER_TO_BE)
        return stack

    def platform_with(self, specs: Specs, api_server: pulumi.Output[str]) -> dict[str, Any]:
        """The Platform of `specs` with the API server's address, which is known only once there is
        a cluster."""
        if specs.platform is None:
            raise InfraError("the files hold no Platform")
        stack = spec_object(specs.platform)
        if stack["spec"]["network"].get("apiServers") == API_SERVER_TO_BE:
            stack["spec"]["network"]["apiServers"] = [
                {"cidr": pulumi.Output.concat(api_server, "/32")}
            ]
        return stack

    @_plainly()
    def installations(self, specs: Specs) -> dict[str, ToolInstallationArgs]:
        """What is installed for the Tools that are on, by their names. RunError says why a chart
        cannot be had."""
        return {
            tool.name: {"tool": tool, "manifests": manifests(tool)}
            for tool in specs.toolset.tools
            if self.install_tools and tool.spec.install is not None
        }

    @_plainly()
    def specs(self) -> Specs:
        """The specs in the files, on this cluster. RunError says every problem."""
        platform, others = self.documents()
        problems = [problem for document in others for problem in self._unmet(document)]
        if problems:
            raise InvalidInput(problems)
        asked = any(_path(document, "spec", "network", "apiServer") for document in others)
        stack = self._platform(platform.value, api_server=asked)
        specs = specs_from([Document(stack, platform.source, platform.lines), *others])
        if unknown := sorted(set(self.buckets) - specs.tenants.keys()):
            there = ", ".join(specs.tenants)
            place = f"{pulumi.get_project()}:buckets"
            raise InvalidSettings(
                [f"{place}: there is no team {name!r}; there are: {there}" for name in unknown]
            )
        return _reviewed(specs)

    def _unmet(self, document: Document) -> Iterator[Problem]:
        """What a tenant asks of the cluster and the cluster's options do not give."""
        if _path(document, "kind") != "Tenant":
            return
        if _path(document, "spec", "sandbox") and self.sandbox_pool is None:
            advice = (
                "the cluster has no sandbox: set sandboxPool in the stack's configuration, "
                "or remove this"
            )
            yield Problem(
                document.source, document.line(("spec", "sandbox")), "spec.sandbox", advice
            )
        identity = ("spec", "network", "workloadIdentity")
        if _path(document, "metadata", "name") in self.buckets and not _path(document, *identity):
            advice = "set it to true, or nobody reaches the bucket that the configuration gives"
            yield document.problem(identity, advice)
        gpu = _path(document, "spec", "gpu")
        if isinstance(gpu, dict):
            yield from self._unmet_gpu(document, gpu)

    def _unmet_gpu(self, document: Document, gpu: dict[str, Any]) -> Iterator[Problem]:
        pools = [pool.name for pool in self.gpu_pools]
        advice = (
            f"add it to gpuPools in the stack's configuration (now: "
            f"{', '.join(pools) or 'none'}), or remove this"
        )
        flavors: Sequence[Any] = gpu.get("flavors") or []
        for index, flavor in enumerate(flavors):
            if flavor not in pools:
                line = document.line(("spec", "gpu", "flavors", index))
                yield Problem(
                    document.source,
                    line,
                    f"spec.gpu.flavors[{index}]",
                    f"no GPU pool {flavor!r}: {advice}",
                )
        if not pools and not flavors and (gpu.get("guarantee") or gpu.get("borrow")):
            yield Problem(
                document.source,
                document.line(("spec", "gpu")),
                "spec.gpu",
                f"no GPU pool at all: {advice}",
            )
