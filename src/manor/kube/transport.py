"""One request to the API server: identity, limits, time-outs, retries, errors."""

import asyncio
import json
import os
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
from multidict import CIMultiDict
from opentelemetry import trace

from manor import __version__, log
from manor.kube.connection import Connection
from manor.kube.errors import ApiError, TooLong, Unreachable, api_error
from manor.limits import limits

PASSING = frozenset({502, 503, 504})
"""Server errors that may pass. 500 may not: a server-side apply of an unknown field, say, is
answered so."""
IDEMPOTENT = frozenset({"GET", "PUT", "PATCH", "DELETE"})

Params = Mapping[str, str | int]
OnWarning = Callable[[str], None]
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
"""RFC 7234, section 5.5, as the API server uses it (kubernetes.io, "Warning: Helpful Warnings
Ahead")."""


@dataclass
class Identity:
    """Whom the requests act as: ourselves, or, with `user`, somebody we impersonate."""

    user: str | None = None
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def headers(self) -> CIMultiDict[str]:
        """The impersonation headers (kubernetes.io, User impersonation)."""
        headers: CIMultiDict[str] = CIMultiDict({"User-Agent": f"manor/{__version__}"})
        if self.user is not None:
            headers["Impersonate-User"] = self.user
            for group in self.groups:
                headers.add("Impersonate-Group", group)
            for key, values in self.extra.items():
                for value in values:
                    headers.add(f"Impersonate-Extra-{quote(key.lower(), safe='')}", value)
        return headers


@dataclass
class _Outcome:
    """What came of a request: all that the log tells of it, and nothing that it or its answer
    carries."""

    status: int | None = None
    retries: int = 0
    cause: str = ""


_tracer = trace.get_tracer("manor.kube", __version__)


@contextmanager
def _logged(method: str, path: str, identity: Identity) -> Iterator[_Outcome]:
    """Tells the log of the request that is made in the block, once it is over, and the trace of
    the work that it is part of, if there is one."""
    outcome, began = _Outcome(), time.monotonic()
    try:
        with _traced(method, path, outcome):
            yield outcome
    except ApiError as error:
        outcome.status, outcome.cause = error.status, error.reason
        raise
    except Unreachable as error:
        outcome.cause = _cause(error.__cause__ or error)
        raise
    finally:
        spent = round((time.monotonic() - began) * 1000)
        log.debug(
            "request", method=method, path=path, user=identity.user, ms=spent, **asdict(outcome)
        )


@contextmanager
def _traced(method: str, path: str, outcome: _Outcome) -> Iterator[None]:
    """A span of the request (OpenTelemetry, Semantic conventions for HTTP client spans)."""
    if not trace.get_current_span().is_recording():
        yield
        return
    about = {"http.request.method": method, "url.path": path}
    with _tracer.start_as_current_span(
        method,
        kind=trace.SpanKind.CLIENT,
        attributes=about,
        record_exception=False,  # what the server says may quote an object
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except ApiError as error:
            span.set_attribute("http.response.status_code", error.status)
            span.set_attribute("error.type", error.reason)
            span.set_status(trace.StatusCode.ERROR)
            raise
        except Unreachable as error:
            span.set_attribute("error.type", type(error.__cause__ or error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise
        if outcome.status is not None:
            span.set_attribute("http.response.status_code", outcome.status)
        if outcome.retries:
            span.set_attribute("http.request.resend_count", outcome.retries)


# Server-side apply reads a body as YAML, which has no surrogate pairs, and takes these for line
# breaks or for errors.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


class Transport:
    """Sends requests over one session; every identity shares it."""

    def __init__(self, connection: Connection, concurrency: int, on_warning: OnWarning) -> None:
        self.connection = connection
        self.concurrency = concurrency
        self.on_warning = on_warning
        self.slots = asyncio.Semaphore(concurrency)

    async def headers(self, identity: Identity, *, renew: bool = False) -> CIMultiDict[str]:
        """All headers that say who asks."""
        headers = identity.headers()
        authorization = await self.connection.authorization(renew=renew)
        if authorization:
            headers["Authorization"] = authorization
        return headers

    async def send(
        self,
        identity: Identity,
        method: str,
        path: str,
        params: Params | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float | None = None,
    ) -> str:
        """The body of the answer. Raises ApiError for every status but 2xx, Unreachable for no
        answer."""
        headers = await self.headers(identity)
        headers["Accept"] = accept
        if body is not None:
            headers["Content-Type"] = content_type
        with _logged(method, path, identity) as outcome:
            return await self._retried(method, path, params, body, headers, timeout, outcome)

    async def _retried(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: bytes | None,
        headers: CIMultiDict[str],
        timeout: float | None,
        outcome: _Outcome,
    ) -> str:
        renewed, backoff, retry_after = False, limits().kube.backoff, 0.0
        timeout = limits().kube.request if timeout is None else timeout
        while True:
            if outcome.retries:
                await asyncio.sleep(max(backoff[outcome.retries - 1], retry_after))
            try:
                async with self.slots:
                    status, text, retry_after = await self._once(
                        method, path, params, body, headers, timeout
                    )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if outcome.retries >= _retries(method, error):
                    raise self.unreachable(error, timeout) from error
                outcome.retries, retry_after = outcome.retries + 1, 0.0
                continue
            if status < 300:
                outcome.status = status
                return text
            if status == 401 and not renewed:
                renewed = True
                fresh = await self.connection.authorization(renew=True)
                if fresh and fresh != headers.get("Authorization"):
                    headers["Authorization"] = fresh
                    continue
            passing = status == 429 or (
                method in IDEMPOTENT and (status in PASSING or retry_after > 0)
            )
            if not passing or outcome.retries == len(backoff):
                raise api_error(status, text)
            outcome.retries += 1

    async def _once(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: bytes | None,
        headers: CIMultiDict[str],
        timeout: float,
    ) -> tuple[int, str, float]:
        async with self.connection.session.request(
            method,
            self.connection.server + path,
            params=params,
            data=body,
            headers=headers,
            timeout=_timeout(timeout),
            allow_redirects=False,
            **self.connection.options,
        ) as response:
            text = await _read(response)
            for header in response.headers.getall("Warning", ()):
                for said in _WARNING.findall(header):
                    self.on_warning(re.sub(r"\\(.)", r"\1", said))
            after = response.headers.get("Retry-After", "")
            return (
                response.status,
                text,
                min(float(after), limits().kube.retry_after) if after.isdigit() else 0.0,
            )

    async def lines(
        self,
        identity: Identity,
        path: str,
        params: Params,
        timeout: float,
        *,
        unended: bool = False,
    ) -> AsyncIterator[bytes]:
        """The lines of an answer that goes on until the server ends it, or for `timeout` seconds;
        with `unended` also a last one that no line feed ends."""
        headers = await self.headers(identity)
        url = self.connection.server + path
        async with (
            self._reaching(path, identity) as outcome,
            self.connection.session.get(
                url,
                params=params,
                headers=headers,
                timeout=_timeout(timeout),
                **self.connection.options,
            ) as response,
        ):
            outcome.status = response.status
            if response.status >= 300:
                raise api_error(response.status, await _read(response))
            rest = b""
            # An object may be longer than any buffer of aiohttp's readline.
            async for chunk in response.content.iter_any():
                *whole, rest = (rest + chunk).split(b"\n")
                if len(rest) > limits().kube.answer:
                    raise _too_long()
                for line in whole:
                    yield line
            if unended and rest:
                yield rest

    @asynccontextmanager
    async def websocket(
        self,
        identity: Identity,
        path: str,
        params: list[tuple[str, str]],
        protocols: tuple[str, ...],
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A websocket to `path`. Raises ApiError with the server's own words when it refuses."""
        headers = await self.headers(identity)
        url = self.connection.server + path
        async with self._reaching(path, identity) as outcome:
            try:
                async with asyncio.timeout(limits().kube.request):
                    socket = await self.connection.session.ws_connect(
                        url,
                        params=params,
                        headers=headers,
                        protocols=protocols,
                        max_msg_size=limits().kube.message,
                        **self.connection.options,
                    )
            except aiohttp.WSServerHandshakeError as error:
                raise await self._refusal(error.status, url, params, headers) from error
            outcome.status = 101
            async with socket:
                yield socket

    async def _refusal(
        self, status: int, url: str, params: list[tuple[str, str]], headers: CIMultiDict[str]
    ) -> ApiError:
        # aiohttp drops the body of a refused handshake. The same request without the upgrade goes
        # through the same authorization and admission and cannot execute anything: at the end it is
        # refused for the missing upgrade.
        timeout = _timeout(limits().kube.request)
        for method in ("POST", "GET"):
            async with self.connection.session.request(
                method,
                url,
                params=params,
                headers=headers,
                timeout=timeout,
                **self.connection.options,
            ) as response:
                if response.status == status:
                    return api_error(status, await _read(response))
        return api_error(status, "")

    @asynccontextmanager
    async def _reaching(self, path: str, identity: Identity) -> AsyncIterator[_Outcome]:
        with _logged("GET", path, identity) as outcome:
            try:
                yield outcome
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise self.unreachable(error) from error

    def unreachable(self, error: BaseException, waited: float | None = None) -> Unreachable:
        """The error that says which server gave no answer, why, and what to do; an answer was
        waited for so long."""
        connection = self.connection
        where = f"the API server {connection.server} (context {connection.context})"
        if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLError):
            advice = "check certificate-authority in the kubeconfig"
        elif isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            advice = "is it running, and is this the right context?"
        elif isinstance(error, TimeoutError):
            advice = "is it overloaded, or something else that listens there? Try again"
        else:
            advice = "try again"
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            waited = limits().kube.connect
        after = f" after {waited:g} s" if waited and isinstance(error, TimeoutError) else ""
        return Unreachable(f"{where} gives no answer: {_cause(error)}{after}; {advice}")


async def _read(response: aiohttp.ClientResponse) -> str:
    """The body of an answer, which somebody else may have filled. Raises TooLong."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limits().kube.answer:
            raise _too_long()
    return body.decode("utf-8", errors="replace")


def _too_long() -> TooLong:
    return TooLong(
        f"an answer of the API server is longer than {limits().kube.answer >> 20} MiB; the rest "
        f"is not read"
    )


def _timeout(total: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total, sock_connect=limits().kube.connect)


def _retries(method: str, error: BaseException) -> int:
    """How often to try again after no answer: not where it was waited for already."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLError | TimeoutError):
        return 0
    if isinstance(error, aiohttp.ClientConnectorError):  # nothing was sent
        return limits().kube.connect_retries
    return len(limits().kube.backoff) if method in IDEMPOTENT else 0


def _cause(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error
        # asyncio puts the address into strerror, which the message has already.
        known = isinstance(reason, ConnectionError) and reason.errno
        return os.strerror(reason.errno or 0).lower() if known else str(reason.strerror)
    if isinstance(error, TimeoutError):
        return "timed out"
    return str(error) or type(error).__name__


def encode(body: Any) -> bytes:
    """`body` as JSON."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
