"""The certificates of a node: what is kept, what is made anew, and that they say what
was wanted."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from manor.local.certificates import CERTIFICATE_LIFE, RENEWAL, Authority, Wanted

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = CERTIFICATE_LIFE - RENEWAL
SERVER = Wanted("server", "kube-apiserver", hosts=("localhost", "172.30.0.2"))


def read(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def test_a_client_names_its_user_and_groups(tmp_path: Path) -> None:
    Authority(tmp_path, "ca", NOW).issue(Wanted("alice", "alice", ("team-a", "team-b")))
    made = read(tmp_path, "alice")
    assert [
        each.value for each in made.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    ] == [
        "team-a",
        "team-b",
    ]
    assert made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "alice"
    usages = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    made.verify_directly_issued_by(read(tmp_path, "ca"))


def test_a_server_names_its_hosts(tmp_path: Path) -> None:
    Authority(tmp_path, "ca", NOW).issue(SERVER)
    names = (
        read(tmp_path, "server")
        .extensions.get_extension_for_class(x509.SubjectAlternativeName)
        .value
    )
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("172.30.0.2")]


@pytest.mark.parametrize(
    ("later", "renewed"),
    [
        (timedelta(0), False),
        (CERTIFICATE_LIFE - RENEWAL - timedelta(days=1), False),
        (CERTIFICATE_LIFE - RENEWAL, True),
    ],
)
def test_renewal(tmp_path: Path, later: timedelta, renewed: bool) -> None:
    assert Authority(tmp_path, "ca", NOW).issue(SERVER)
    authority = read(tmp_path, "ca")
    assert Authority(tmp_path, "ca", NOW + later).issue(SERVER) is renewed
    assert read(tmp_path, "ca") == authority


@pytest.mark.parametrize(
    "other", [Wanted("server", "other", hosts=SERVER.hosts), Wanted("server", SERVER.name)]
)
def test_what_is_wanted_otherwise_is_made_anew(tmp_path: Path, other: Wanted) -> None:
    Authority(tmp_path, "ca", NOW).issue(SERVER)
    assert Authority(tmp_path, "ca", NOW).issue(other)


def test_what_another_authority_signed_is_made_anew(tmp_path: Path) -> None:
    Authority(tmp_path, "ca", NOW).issue(SERVER)
    (tmp_path / "ca.crt").unlink()
    assert Authority(tmp_path, "ca", NOW).issue(SERVER)
    read(tmp_path, "server").verify_directly_issued_by(read(tmp_path, "ca"))


def test_keys_are_private(tmp_path: Path) -> None:
    Authority(tmp_path, "ca", NOW).issue(SERVER)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
