"""Where the API server is and who we are: kubeconfig, in-cluster, exec plugins and OIDC, all by
kubernetes_asyncio.

Importing it takes a while, so that is done when a connection is made, not before.
"""

import os
import ssl
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import yaml

from manor.kube.errors import KubeconfigError
from manor.limits import limits

NO_NAMESPACE = "default"
"""What kubectl takes where a context names no namespace."""
POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class Connection:
    """An open HTTP session and all that a request needs beside its path."""

    server: str
    context: str
    session: aiohttp.ClientSession
    options: dict[str, Any]
    """Keyword arguments of every aiohttp request: the proxy and the TLS server name, where there
    are any."""
    configuration: Any
    acting: dict[str, Any]
    """Whom the kubeconfig says to act as: the fields `as`, `as-groups` and `as-user-extra` of its
    user."""
    namespace: str
    """The namespace that the context names, or the pod's own; `default` where there is none."""

    async def authorization(self, *, renew: bool = False) -> str | None:
        """The Authorization header, refreshed where it is about to expire, or always
        with `renew`."""
        if renew:
            self.configuration.renew_credentials = True
        try:
            header: str | None = await self.configuration.get_api_key_with_prefix("BearerToken")
        except (
            Exception
        ) as error:  # whatever a credential plugin or an identity provider comes up with
            raise KubeconfigError(f"no credentials for context {self.context}: {error}") from error
        return header


async def open_connection(kubeconfig: Path | None, context: str | None) -> Connection:
    """A session with the server of `context` in `kubeconfig`.

    Without `kubeconfig`: $KUBECONFIG, then ~/.kube/config, then, inside a pod, the pod's service
    account. Nothing is sent yet. Raises KubeconfigError.
    """
    _import_library()
    from kubernetes_asyncio.client.configuration import Configuration

    configuration: Any = Configuration()
    files = _kubeconfig_files(kubeconfig)
    acting: dict[str, Any] = {}
    if files:
        context, namespace, acting = await _load_kubeconfig(files, context, configuration)
    elif context is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
        context, namespace = _load_in_cluster(configuration)
    else:
        raise KubeconfigError(
            "no kubeconfig: set KUBECONFIG, make ~/.kube/config, or pass --kubeconfig"
        )
    if not configuration.host:
        raise KubeconfigError(f"context {context} names no server")
    if not configuration.host.startswith(("http://", "https://")):
        raise KubeconfigError(
            f"context {context}: {configuration.host} is no URL: it begins with https://"
        )
    try:
        proxy = configuration.proxy or _proxy_of_environment(configuration.host)
    except ValueError as error:
        raise KubeconfigError(
            f"context {context}: {configuration.host} is no URL: {error}"
        ) from error
    try:
        certificates = _ssl_context(configuration)
    except OSError as error:
        raise KubeconfigError(
            f"certificates of context {context} cannot be loaded: {error}"
        ) from error
    options = {
        "proxy": proxy,
        "proxy_headers": configuration.proxy_headers,
        "server_hostname": configuration.tls_server_name,
    }
    # Concurrency is limited per request by the transport, or watches would starve it.
    connector = aiohttp.TCPConnector(limit=0, ssl=certificates)
    return Connection(
        server=configuration.host,
        context=context,
        session=aiohttp.ClientSession(connector=connector),
        options={key: value for key, value in options.items() if value},
        configuration=configuration,
        acting=acting,
        namespace=namespace,
    )


def _import_library() -> None:
    """Import what reads kubeconfigs, of kubernetes_asyncio. Its packages import 900 modules
    besides, of models and API groups, a third of the start of a command: they are imported empty,
    and can be had whole afterwards."""
    packages = ("kubernetes_asyncio", "kubernetes_asyncio.client")
    if "kubernetes_asyncio.config" in sys.modules:
        return
    for name in packages:
        spec = find_spec(name)
        assert spec is not None  # noqa: S101 - it is a dependency
        sys.modules[name] = module_from_spec(spec)
    found: Any = import_module("kubernetes_asyncio.client.configuration")
    client: Any = sys.modules["kubernetes_asyncio.client"]
    client.Configuration, client.ApiClient = found.Configuration, None
    import_module("kubernetes_asyncio.config")
    for name in packages:
        del sys.modules[name]


def _ssl_context(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _proxy_of_environment(server: str) -> str | None:
    # aiohttp would look it up in a thread for each request.
    where = urlsplit(server)
    return None if proxy_bypass(where.netloc) else getproxies().get(where.scheme)


def _kubeconfig_files(kubeconfig: Path | None) -> list[Path]:
    if kubeconfig is not None:
        if not kubeconfig.is_file():
            raise KubeconfigError(f"no kubeconfig at {kubeconfig}")
        return [kubeconfig]
    named = os.environ.get("KUBECONFIG")
    paths = (
        [Path(p).expanduser() for p in named.split(os.pathsep) if p]
        if named
        else [Path.home() / ".kube/config"]
    )
    found = [path for path in paths if path.is_file()]
    if named and not found:
        raise KubeconfigError(f"no kubeconfig at {named} (from KUBECONFIG)")
    return found


async def _load_kubeconfig(
    files: list[Path], context: str | None, configuration: Any
) -> tuple[str, str, dict[str, Any]]:
    """Fills `configuration`; the context's name, its namespace, and whom it says to act as."""
    from kubernetes_asyncio.config import ConfigException
    from kubernetes_asyncio.config.kube_config import KubeConfigLoader, KubeConfigMerger

    named = os.pathsep.join(map(str, files))
    try:
        merger = KubeConfigMerger(named)
        contexts = [c["name"] for c in merger.config.value["contexts"]]  # type: ignore[union-attr]
        context = context or merger.config.value.get("current-context")  # type: ignore[union-attr]
    except (ConfigException, OSError, yaml.YAMLError) as error:
        raise KubeconfigError(f"{named} is not a kubeconfig: {error}") from error
    except (RecursionError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise KubeconfigError(
            f"{named} is not a kubeconfig: it lacks lists of clusters, users and contexts, each "
            "with a name; make it anew (`kubectl config`), or name another by --kubeconfig"
        ) from error
    if context not in contexts:
        problem = f"no context {context!r}" if context else "no current context"
        raise KubeconfigError(
            f"{problem} in {named}; there are: {', '.join(sorted(contexts)) or 'none'}"
        )
    try:
        loader = KubeConfigLoader(
            merger.config,
            active_context=context,
            config_base_path=None,
            config_persister=lambda _config: merger.save_changes(),
        )
        await loader.load_and_set(configuration)
    except (ConfigException, OSError, ValueError, TypeError, KeyError) as error:
        raise KubeconfigError(f"context {context} of {named} cannot be used: {error}") from error
    _refresh_from(loader, configuration)
    named_here = merger.config["contexts"].get_with_name(context)["context"]  # type: ignore[index]
    return (
        context,
        named_here.safe_get("namespace") or NO_NAMESPACE,
        _acting(merger.config, named_here),
    )


def _acting(config: Any, context: Any) -> dict[str, Any]:
    name = context.safe_get("user")
    found = (
        config["users"].get_with_name(name, safe=True)
        if name and config.safe_get("users")
        else None
    )
    user = (found.value.get("user") if found else None) or {}
    return {key: user[key] for key in ("as", "as-groups", "as-user-extra") if key in user}


def _refresh_from(loader: Any, configuration: Any) -> None:
    loaded = time.monotonic()
    configuration.renew_credentials = False

    async def refresh(configuration: Any) -> None:
        nonlocal loaded
        if configuration.renew_credentials or time.monotonic() - loaded > limits().kube.credentials:
            loaded, configuration.renew_credentials = time.monotonic(), False
            await loader.load_and_set(configuration)

    configuration.refresh_api_key_hook = refresh


def _load_in_cluster(configuration: Any) -> tuple[str, str]:
    from kubernetes_asyncio.config import ConfigException, load_incluster_config

    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        raise KubeconfigError(f"the pod's service account cannot be used: {error}") from error
    return (
        "in-cluster",
        POD_NAMESPACE.read_text().strip() if POD_NAMESPACE.is_file() else NO_NAMESPACE,
    )
