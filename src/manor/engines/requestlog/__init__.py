"""What a model is asked and answers, kept where its team says: requests go through an Envoy beside
the server, which writes them down, and another container stores what it wrote.

Envoy writes into memory that is bounded: where that is full it writes nothing, and the request goes
on. Nothing else stands in a request's way.
"""

import json
from collections.abc import Iterator, Sequence

from manor.api import Model, Platform
from manor.api.workload import RequestLog
from manor.engines.pods import (
    TMP,
    container_security_context,
    env,
    key_volumes,
    unexpanded,
    with_keys,
)
from manor.engines.programs import program
from manor.engines.protocol import Unsupported
from manor.engines.storage import obstacle
from manor.render.objects import Object

PORT = 8100
"""The port of Envoy where the server has its own, or of the server where that may be moved."""
_TAPPED, _PACKED, _PLACE = "/var/requests", "/var/packed", "/mnt/log"
KEEPER = "request-log"
"""What the container is called that stores requests, and tells why it cannot."""
_AMOUNTS = {
    "requests": {"cpu": "50m", "memory": "192Mi"},
    "limits": {"memory": "192Mi"},
}
"""What each of the two containers asks for; what waits in memory is part of Envoy's."""
_IN_MEMORY, _ON_DISK = "64Mi", "256Mi"
"""How much waits until it is packed, and until it is stored: more than `keep.py` lets be there."""
_LARGEST = 64 << 10
"""Bytes of a body that are kept."""
_IDLE = "1s"
"""Envoy lets a connection to the server go before the server does: a request would meet its end."""
_SEGMENT = 1448
"""Bytes of a segment from the server, as over a network. A server that writes head and body apart
waits for an acknowledgement before the last part, and where a segment has 64 KiB, as on loopback,
that is before all of the body: 40 ms."""
_TYPES = "type.googleapis.com/envoy"


def obstacles(model: Model) -> Iterator[Unsupported]:
    """Why a model's requests cannot be kept as it says."""
    spec = model.spec
    if spec.request_log is None:
        return
    if why := obstacle(spec.request_log.uri, spec.env):
        yield Unsupported(("spec", "requestLog", "uri"), why)
    if spec.server and spec.server.port == PORT:
        message = f"with requestLog {PORT} is another's; choose another port"
        yield Unsupported(("spec", "server", "port"), message)


def not_kept(model: Model, engine: str) -> Iterator[Unsupported]:
    """The field by which requests are kept, for an engine whose system lets nothing stand before
    the server."""
    if model.spec.request_log:
        message = f"{engine} keeps no requests; have the Platform run Models by native or kserve"
        yield Unsupported(("spec", "requestLog"), message)


def volumes(log: RequestLog) -> list[Object]:
    """Where requests wait, and the volume on which they are kept, or the keys of their store."""
    found: list[Object] = [
        {"name": "requests", "emptyDir": {"medium": "Memory", "sizeLimit": _IN_MEMORY}},
        {"name": "packed", "emptyDir": {"sizeLimit": _ON_DISK}},
        *key_volumes(KEEPER, log.secret),
    ]
    if log.claim:
        found.append({"name": KEEPER, "persistentVolumeClaim": {"claimName": log.claim}})
    return found


def sidecars(
    platform: Platform,
    model: Model,
    log: RequestLog,
    version: dict[str, str],
    ports: Sequence[Object],
) -> list[Object]:
    """What stores requests, and the Envoy at the first of the pod's ports, before the server at the
    second. What starts last ends first: Envoy, once the server has ended."""
    listen, server = (int(port["containerPort"]) for port in ports[:2])
    proxy = {
        "name": "request-proxy",
        "image": platform.spec.images.proxy,
        "command": ["envoy", "--disable-hot-restart", "--concurrency", "1"],
        "args": [
            "--log-level",
            "error",
            "--config-yaml",
            unexpanded(json.dumps(_envoy(log, listen, server))),
        ],
        "restartPolicy": "Always",
        "readinessProbe": {"tcpSocket": {"port": listen}, "periodSeconds": 5},
        "resources": _AMOUNTS,
        "securityContext": container_security_context(),
        "volumeMounts": [{"name": "requests", "mountPath": _TAPPED}],
    }
    inside = log.uri.removeprefix("pvc://").partition("/")[2] if log.claim else ""
    told = {
        "uri": log.uri,
        "mounted": f"{_PLACE}/{inside}".rstrip("/") if log.claim else "",
        "told": {"model": model.metadata.name, **version},
    }
    source = program("buckets.py", "requestlog/keep.py")
    keeper: Object = {
        "name": KEEPER,
        "image": platform.spec.images.fetching,
        "command": ["python3", "-c", source, _TAPPED, _PACKED],
        "env": env({"HOME": "/tmp", "REQUEST_LOG": unexpanded(json.dumps(told))}),  # noqa: S108 - the pod's own
        "restartPolicy": "Always",
        "resources": _AMOUNTS,
        "securityContext": container_security_context(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "requests", "mountPath": _TAPPED},
            {"name": "packed", "mountPath": _PACKED},
            *([{"name": KEEPER, "mountPath": _PLACE}] if log.claim else []),
            TMP,
        ],
    }
    return [with_keys(keeper, KEEPER, log.secret), proxy]


def _envoy(log: RequestLog, listen: int, server: int) -> Object:
    """Envoy's configuration: all that comes in goes to the server, as it came."""
    tap = {
        "@type": f"{_TYPES}.extensions.filters.http.tap.v3.Tap",
        "record_headers_received_time": True,
        "common_config": {
            "static_config": {
                "match": {"any_match": True},
                "output_config": {
                    "max_buffered_rx_bytes": _LARGEST,
                    "max_buffered_tx_bytes": _LARGEST,
                    "sinks": [
                        {
                            "format": "JSON_BODY_AS_BYTES",
                            "file_per_tap": {"path_prefix": f"{_TAPPED}/r"},
                        }
                    ],
                },
            }
        },
    }
    router = {
        "@type": f"{_TYPES}.extensions.filters.http.router.v3.Router",
        "suppress_envoy_headers": True,
    }
    manager = {
        "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": "requests",
        "generate_request_id": False,
        "skip_xff_append": True,
        "server_header_transformation": "PASS_THROUGH",
        "stream_idle_timeout": "0s",
        # The gateway's proxy lets a connection go first, after an hour.
        "common_http_protocol_options": {"idle_timeout": "7200s"},
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "server"},
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "route_config": {"virtual_hosts": [_host(log)]},
        "http_filters": [
            {"name": "tap", "typed_config": tap},
            {"name": "router", "typed_config": router},
        ],
    }
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "requests",
                    "address": _address("0.0.0.0", listen),  # noqa: S104 - the pod's
                    "per_connection_buffer_limit_bytes": 32 << 10,
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                }
            ],
            "clusters": [_cluster(server)],
        }
    }


def _host(log: RequestLog) -> Object:
    """A share of the requests, and the rest, of which nothing is written."""
    to = {"cluster": "server", "timeout": "0s"}
    share = {"default_value": {"numerator": log.sample_percent}}
    off = {"@type": f"{_TYPES}.config.route.v3.FilterConfig", "disabled": True}
    return {
        "name": "server",
        "domains": ["*"],
        "routes": [
            {"match": {"prefix": "/", "runtime_fraction": share}, "route": to},
            {"match": {"prefix": "/"}, "route": to, "typed_per_filter_config": {"tap": off}},
        ],
    }


def _cluster(server: int) -> Object:
    options = {
        "@type": f"{_TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions",
        "common_http_protocol_options": {"idle_timeout": _IDLE},
        "use_downstream_protocol_config": {
            "http_protocol_options": {},
            "http2_protocol_options": {},
        },
    }
    endpoint = {"address": _address("127.0.0.1", server)}
    segment = {"level": 6, "name": 2, "int_value": _SEGMENT, "state": "STATE_PREBIND"}
    return {
        "name": "server",
        "type": "STATIC",
        "connect_timeout": "5s",
        "per_connection_buffer_limit_bytes": 32 << 10,
        "upstream_bind_config": {
            "socket_options": [{**segment, "description": "IPPROTO_TCP, TCP_MAXSEG"}]
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        },
        "load_assignment": {
            "cluster_name": "server",
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }


def _address(host: str, port: int) -> Object:
    return {"socket_address": {"address": host, "port_value": port}}
