"""The certificate of a system's webhooks or API: made at installation, and then kept in the cluster
alone.

It is signed by itself, and the API server trusts it and nothing else: there is no authority whose
key could be lost.
"""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from manor.api.tool import ToolInstall
from manor.api.wellknown import MANAGED

Object = dict[str, Any]

LIFE = timedelta(days=3650)
RENEWAL = timedelta(days=365)
"""An installation renews what is nearer to its end than this."""
_BACKDATE = timedelta(minutes=10)  # a clock that is a little behind must not find it of the future


class Pair(NamedTuple):
    """A certificate and its key, as a Secret's data has them."""

    certificate: str
    key: str


PLACEHOLDER = Pair("<made by `manor tools install`>", "<made by `manor tools install`>")
"""What stands in print for the real ones; no API server takes it."""


def certified(install: ToolInstall, objects: list[Object], pair: Pair) -> list[Object]:
    """The objects with the pair's Secret, and its certificate wherever they name the Service that
    it is for."""
    wanted = install.certificate
    if wanted is None:
        return objects
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": wanted.secret,
            "namespace": install.namespace,
            "labels": dict(MANAGED),
        },
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": pair.certificate, "tls.key": pair.key},
    }
    others = [
        obj
        for obj in objects
        if (obj["kind"], obj["metadata"]["name"]) != ("Secret", wanted.secret)
    ]
    service = (install.namespace, wanted.service)
    return [*(trusting(obj, service, pair.certificate) for obj in others), secret]


def made(host: str, life: timedelta = LIFE) -> Pair:
    """A new certificate for a host name, signed by itself, and its key."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(*(base64.b64encode(text).decode() for text in (_pem(certificate), secret)))


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def is_good(pair: Pair, host: str) -> bool:
    """For this host, and not near its end."""
    try:
        certificate = x509.load_pem_x509_certificate(base64.b64decode(pair.certificate))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    return host in names.get_values_for_type(x509.DNSName) and (
        certificate.not_valid_after_utc - datetime.now(UTC) > RENEWAL
    )


def trusting(value: Any, service: tuple[str, str], certificate: Any) -> Any:
    """`value` with the certificate beside each `service` that is the one."""
    if isinstance(value, list):
        return [trusting(item, service, certificate) for item in value]
    if not isinstance(value, dict):
        return value
    copy = {key: trusting(item, service, certificate) for key, item in value.items()}
    named = value.get("service")
    if isinstance(named, dict) and (named.get("namespace"), named.get("name")) == service:
        copy["caBundle"] = certificate
        copy.pop("insecureSkipTLSVerify", None)
    return copy
