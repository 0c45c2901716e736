"""The certificate of ``--lan``: what it says, when another one is made, and who can read its key."""

import hashlib
import ipaddress
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from duologue.lan.certificate import FILE, Certificate, certificate
from duologue.lan.errors import CertificateError

HOME = ["192.168.1.5", "fd00::5"]
NAMES = ["localhost", "laptop", "laptop.local"]


def made(folder: Path, addresses: Sequence[str] = HOME, now: datetime | None = None) -> Certificate:
    return certificate(folder, [ipaddress.ip_address(each) for each in addresses], NAMES, now)


def read(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / FILE).read_bytes())


def test_what_it_says(tmp_path: Path) -> None:
    """All addresses and names, for servers only, a year, and no authority over other certificates."""
    it, now = made(tmp_path), datetime.now(UTC)
    found = read(tmp_path)
    named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each) for each in named.get_values_for_type(x509.IPAddress)] == HOME
    assert named.get_values_for_type(x509.DNSName) == NAMES
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not found.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert found.not_valid_before_utc < now - timedelta(hours=23)
    assert timedelta(days=364) < found.not_valid_after_utc - now < timedelta(days=397)
    assert isinstance(found.public_key(), ec.EllipticCurvePublicKey)
    whole = hashlib.sha256(found.public_bytes(serialization.Encoding.DER)).hexdigest().upper()
    assert it.fingerprint.replace(":", "") == whole
    assert it.context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_nobody_else_can_read_the_key(tmp_path: Path) -> None:
    """Also where the folder lets others in; and nothing half-made is left beside it."""
    made(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / FILE]


def test_it_is_kept(tmp_path: Path) -> None:
    """The phone that trusted it yesterday does not warn today, also where an address is gone."""
    first = made(tmp_path)
    assert made(tmp_path).fingerprint == first.fingerprint
    assert made(tmp_path, HOME[:1]).fingerprint == first.fingerprint


def test_a_new_address_needs_another_one(tmp_path: Path) -> None:
    """In another network."""
    first = made(tmp_path)
    assert made(tmp_path, ["10.0.0.7"]).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("after", "same"),
    [(timedelta(days=334), True), (timedelta(days=336), False), (timedelta(days=-2), False)],
)
def test_it_is_made_anew_in_time(tmp_path: Path, after: timedelta, same: bool) -> None:
    """A month before its end, and where the clock is so wrong that it is not valid yet."""
    first = made(tmp_path)
    assert (made(tmp_path, now=datetime.now(UTC) + after).fingerprint == first.fingerprint) is same


@pytest.mark.parametrize("harm", ["read by others", "cut", "of another key", "not a certificate"])
def test_what_does_not_do_is_replaced(tmp_path: Path, harm: str) -> None:
    """A key that others could read, and a file that is damaged."""
    first, file = made(tmp_path), tmp_path / FILE
    if harm == "read by others":
        file.chmod(0o640)
    elif harm == "cut":
        file.write_bytes(file.read_bytes()[:-200])
    elif harm == "of another key":
        certificate_of_the_first = file.read_bytes().partition(b"-----BEGIN CERTIFICATE")[2]
        made(tmp_path / "other")
        key = (tmp_path / "other" / FILE).read_bytes().partition(b"-----BEGIN CERTIFICATE")[0]
        file.write_bytes(key + b"-----BEGIN CERTIFICATE" + certificate_of_the_first)
    else:
        file.write_text("nonsense")
    second = made(tmp_path)
    assert second.fingerprint != first.fingerprint
    assert made(tmp_path).fingerprint == second.fingerprint
    assert file.stat().st_mode & 0o777 == 0o600


def test_servers_that_start_together_have_one(tmp_path: Path) -> None:
    """Else what one of them prints would not be what it serves."""
    with ThreadPoolExecutor(8) as pool:
        found = {each.fingerprint for each in pool.map(lambda _: made(tmp_path), range(16))}
    assert len(found) == 1


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """One line, which names the option that chooses another one."""
    (tmp_path / "file").touch()
    with pytest.raises(CertificateError, match=r"certificate for --lan .*--data") as caught:
        made(tmp_path / "file")
    assert "\n" not in str(caught.value)
