"""What opens a store: the keys of each kind, named as its own clients read them."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from manor.engines.pods import KEYS_PATH
from manor.errors import ManorError

_GOOGLE_KEY = "gcloud-application-credentials.json"  # KServe's name
_AUTHORITY = "ca.crt"
_HOST = re.compile(r"^[a-z0-9]([-._a-z0-9]*[a-z0-9])?$")
_HEADER = re.compile(r"^[-!#$%&'*+.^_`|~A-Za-z0-9]+$")  # a token, RFC 9110
_TRUST = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""By which boto3, requests (Google's client is one of its users) and httpx know an authority."""


class BadKeys(ManorError):
    """What is given opens no store; the message says why."""


@dataclass(frozen=True)
class Keys:
    """What opens a store. Whoever uses it has each entry as a variable and as a file."""

    scheme: str
    """Of the URIs that it is for."""
    entries: Mapping[str, str] = field(repr=False)
    place: str = ""
    """What it is tried at: a bucket, a repository, a URL."""

    def trusting(self, authority: str) -> "Keys":
        """The same, for a server whose certificate an authority of one's own has signed."""
        if not authority:
            return self
        trust = dict.fromkeys(_TRUST, f"{KEYS_PATH}/{_AUTHORITY}")
        return replace(self, entries={**self.entries, _AUTHORITY: authority, **trust})


def s3(
    access_key_id: str,
    secret_access_key: str,
    endpoint: str = "",
    region: str = "",
    bucket: str = "",
) -> Keys:
    """Keys to an S3 server; Amazon's where no endpoint is said."""
    said = {
        "AWS_ACCESS_KEY_ID": _sendable(access_key_id),
        "AWS_SECRET_ACCESS_KEY": _sendable(secret_access_key),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": region or ("us-east-1" if endpoint else ""),
    }
    return Keys("s3", _said(said), bucket)


def gs(key: str, endpoint: str = "", bucket: str = "") -> Keys:
    """The key of a Google service account, as JSON; to Google's own servers where no endpoint is
    said. BadKeys where it is none."""
    try:
        kind = json.loads(key)["type"]
    except (ValueError, TypeError, KeyError, RecursionError):
        kind = None
    if kind != "service_account":
        raise BadKeys(
            "this is no key of a Google service account, a JSON file whose type is "
            "service_account; make one: gcloud iam service-accounts keys create"
        )
    said = {
        "GOOGLE_APPLICATION_CREDENTIALS": f"{KEYS_PATH}/{_GOOGLE_KEY}",
        _GOOGLE_KEY: key,
        "API_ENDPOINT_OVERRIDE": endpoint,
    }
    return Keys("gs", _said(said), bucket)


def hf(token: str, endpoint: str = "", repository: str = "") -> Keys:
    """A token of a hub; Hugging Face's own where no endpoint is said."""
    return Keys("hf", _said({"HF_TOKEN": _sendable(token), "HF_ENDPOINT": endpoint}), repository)


def https(url: str, secret: str, user: str = "", header: str = "") -> Keys:
    """What a web server asks for: a bearer token, the password of a user, or the value of a header.
    BadKeys where that cannot be said of the URL."""
    try:
        parts = urlsplit(url)
    except ValueError:  # half of an IPv6 address, say
        parts = urlsplit("")
    host = parts.hostname or ""
    # An entry of the Secret is named after it.
    if parts.scheme != "https" or not _HOST.match(host) or parts.username:
        raise BadKeys("this is no URL of a web server; write https://host/file, without a secret")
    if user and header:
        raise BadKeys("a user's password and a header's value are two secrets; leave one out")
    if ":" in user:
        raise BadKeys("a user's name holds no colon: what comes after one would be the password")
    if header and not _HEADER.match(header):
        raise BadKeys("this is no header's name; write it alone, as X-Api-Key, without a colon")
    if user:
        value = "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()
    else:
        value = _sendable(secret) if header else f"Bearer {_sendable(secret)}"
    headers = json.dumps({header or "Authorization": value})
    # kserve-storage asks for the headers of a host; KServe's webhook has the two from the Secret.
    named = {"https-host": host, "headers": headers}
    return Keys("https", {f"{host}-headers": headers, **named}, url)


def _sendable(secret: str) -> str:
    """The secret, which a client would print where it cannot send it. BadKeys, and not a word of
    it, there."""
    if not (secret.isascii() and secret.isprintable()):
        raise BadKeys("the secret has characters that no header takes; give it as it was given out")
    return secret


def _said(entries: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in entries.items() if value}
