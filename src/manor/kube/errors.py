"""What can go wrong at the door to the API server.

KubeError
├── KubeconfigError     no usable kubeconfig, no such context, credentials that cannot be had
├── Unreachable         no answer: refused, reset, timed out, bad certificate
├── NoApiServer         an answer that no API server gives
├── UnknownKind         the server serves no such kind
├── BadName             no object can have such a name
├── TooLong             an answer longer than what is read of one
└── ApiError            the server answered, and said no
    ├── Unauthorized    401
    ├── Forbidden       403
    ├── NotFound        404
    ├── Conflict        409
    ├── Gone            410
    └── Invalid         422
"""

import json
from typing import Any

from manor.errors import ManorError


class KubeError(ManorError):
    """Base of every error of this package; its text is meant for the user."""


class KubeconfigError(KubeError):
    """The kubeconfig, its context or its credentials cannot be used."""


class Unreachable(KubeError):
    """The API server gave no answer."""


class NoApiServer(KubeError):
    """What answers is something else, such as a proxy's page to log in at."""

    def __init__(self, answer: str) -> None:
        shown = " ".join(answer[:80].split())
        super().__init__(
            f"what answers is no API server of Kubernetes: {shown!r}; see whether it is the right "
            f"context and server, and what stands in between (a proxy, a page to log in)"
        )


class TooLong(KubeError):
    """An answer is longer than what is read of one; whoever writes it, a tenant perhaps, has no say
    in our memory."""


class UnknownKind(KubeError):
    """The server serves no such kind: a typing error, or its CRD is not installed."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(
            f"the server has no kind {kind} in {api_version}; is its CustomResourceDefinition "
            f"installed?"
        )
        self.api_version = api_version
        self.kind = kind


class BadName(KubeError):
    """No object can have such a name; nothing was asked of the server."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"{name!r} cannot name a {kind}: a name is not empty, is not . or .., and has no / "
            f"and no %"
        )


class ApiError(KubeError):
    """The server answered with a failure.

    `status` is the HTTP status, `reason` and `message` are those of the Status object, `details`
    its details (causes, kind, name), `body` the whole answer as it came.
    """

    def __init__(
        self, status: int, reason: str, message: str, details: dict[str, Any], body: str
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details
        self.body = body


class Unauthorized(ApiError):
    """401: the server does not know who asks."""


class Forbidden(ApiError):
    """403: refused by authorization or by admission; the message says which."""


class NotFound(ApiError):
    """404: no such object, or no such path."""


class Conflict(ApiError):
    """409: it exists already, another writer came first, or another field manager owns
    the fields."""


class Gone(ApiError):
    """410: the resource version or the continue token is too old."""


class Invalid(ApiError):
    """422: the object breaks its schema or a validation rule."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
}


def api_error(status: int, body: str) -> ApiError:
    """The error for an answer with HTTP `status` whose body is a Status object, or any text."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    # The end of an exec is told by a Status that does not name its kind.
    if not isinstance(answer, dict) or (
        answer.get("kind") != "Status" and answer.get("status") != "Failure"
    ):
        answer = {"message": body.strip()}
    message = str(answer.get("message") or f"the server answered with HTTP status {status}")
    reason = str(answer.get("reason") or "")
    return _BY_STATUS.get(status, ApiError)(
        status, reason, message, answer.get("details") or {}, body
    )
