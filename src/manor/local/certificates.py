"""Authorities and certificates of a node, made with `cryptography`.

Three authorities, as the CIS Kubernetes Benchmark asks: the cluster's, etcd's own (holding a
cluster certificate gives nothing on etcd), and the front proxy's. Keys are ECDSA P-256: made in a
millisecond, so every node has its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from manor.local.errors import LocalError
from manor.local.node import write_file

AUTHORITY_LIFE = timedelta(days=3650)
CERTIFICATE_LIFE = timedelta(days=365)
# `up` renews what is nearer to its end than this.
RENEWAL = timedelta(days=30)
# A clock that is a little behind must not find the certificate of the future.
_BACKDATE = timedelta(minutes=10)


@dataclass(frozen=True)
class Wanted:
    """A certificate that a node needs: a client's unless `hosts` says that it also serves."""

    file: str
    name: str
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass
class Authority:
    """A certificate authority kept in `folder` as `<name>.crt` and `<name>.key`; made on first use,
    never replaced."""

    folder: Path
    name: str
    _now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def certificate_file(self) -> Path:
        """Where its certificate lies."""
        return self.folder / f"{self.name}.crt"

    @property
    def key_file(self) -> Path:
        """Where its key lies."""
        return self.folder / f"{self.name}.key"

    @cached_property
    def _pair(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        if self.certificate_file.exists() and self.key_file.exists():
            return x509.load_pem_x509_certificate(self.certificate_file.read_bytes()), load_key(
                self.key_file
            )
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"manor {self.name}")])
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        certificate = (
            _builder(subject, subject, key, self._now, AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        write_file(self.key_file, _pem(key))
        write_file(self.certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
        return certificate, key

    def issue(self, wanted: Wanted) -> bool:
        """Make `<file>.crt` and `<file>.key` unless good ones are there; True when they are new."""
        path, authority = self.folder / f"{wanted.file}.crt", self._pair[0]
        if path.exists() and self._is_good(
            x509.load_pem_x509_certificate(path.read_bytes()), wanted
        ):
            return False
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if wanted.hosts:
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
        builder = (
            _builder(_subject(wanted), authority.subject, key, self._now, CERTIFICATE_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(_issuer_id(authority), critical=False)
        )
        if wanted.hosts:
            builder = builder.add_extension(_alternative_names(wanted.hosts), critical=False)
        certificate = builder.sign(self._pair[1], hashes.SHA256())
        write_file(self.folder / f"{wanted.file}.key", _pem(key))
        write_file(path, certificate.public_bytes(serialization.Encoding.PEM))
        return True

    def _is_good(self, certificate: x509.Certificate, wanted: Wanted) -> bool:
        """Signed by us, of the wanted subject and hosts, and not near its end."""
        hosts = x509.SubjectAlternativeName([])
        for extension in certificate.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                hosts = extension.value
        signed = any(
            extension.value == _issuer_id(self._pair[0])
            for extension in certificate.extensions
            if isinstance(extension.value, x509.AuthorityKeyIdentifier)
        )
        return (
            signed
            and certificate.subject == _subject(wanted)
            and hosts == _alternative_names(wanted.hosts)
            and certificate.not_valid_after_utc - self._now > RENEWAL
        )


def make_signing_key(folder: Path) -> None:
    """The pair that signs and checks service-account tokens, `sa.key` and `sa.pub`, unless it is
    there."""
    if (folder / "sa.key").exists() and (folder / "sa.pub").exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_file(folder / "sa.key", _pem(key))
    write_file(folder / "sa.pub", public)


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The EC key in a PEM file."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise LocalError(f"{path} holds no EC key, so it is not one that Manor made")
    return key


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _issuer_id(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _subject(wanted: Wanted) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in wanted.groups]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, wanted.name)])


def _alternative_names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general_name(host) for host in hosts])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
