"""A certificate that this machine makes for itself, kept in the data folder.

No authority has signed it, so each phone warns once, and a person can compare the fingerprint. It is not an
authority: a phone that is told to trust it trusts this machine, and no certificate that is signed with its
key. ``cryptography`` makes it, because the standard library only reads certificates. ``trustme`` needs the
same package, is meant for tests, and makes an authority beside the certificate.
"""

import contextlib
import fcntl
import os
import secrets
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from duologue.lan.addresses import Address
from duologue.lan.errors import CertificateError

FILE = "lan.pem"
"""Key and certificate in one file, so that they can be replaced in one step and always belong together."""
VALID = timedelta(days=365)
"""Apple's devices refuse a server's certificate that holds for more than 398 days (Apple support, 102028)."""
BACKDATED = timedelta(days=1)
"""For phones whose clock is behind ours."""
RENEWED = timedelta(days=30)
"""At a start so long before its end, another one is made."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that may be used, and the file that holds it with its key."""

    file: Path
    fingerprint: str
    """SHA-256 over the whole certificate, as browsers show it: ``AB:CD:…``."""
    context: ssl.SSLContext
    """It serves TLS 1.2 and later with this certificate, and HTTP/1.1 inside."""


def certificate(
    folder: Path, addresses: Sequence[Address], names: Sequence[str], now: datetime | None = None
) -> Certificate:
    """Return the certificate in ``folder``; make another one if it does not do.

    It does not do if it is missing or broken, if other users of this machine could read its key, if it is
    near its end, or if it lacks one of the addresses and names. An address that the machine does not have any
    more is not a reason. ``now`` is for tests. Raises ``CertificateError``.
    """
    file, at = folder / FILE, now or datetime.now(UTC)
    try:
        with _alone_in(folder):
            found = _kept(file)
            if found is None or not _does(found, addresses, names, at):
                found = _make(file, addresses, names, at)
            context = _context(file)
    except OSError as error:
        raise CertificateError(
            f"the certificate for --lan cannot be kept in {file} ({error.strerror}); "
            "choose another folder with --data"
        ) from error
    fingerprint = found.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificate(file, fingerprint, context)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Servers that share a data folder and start together have one certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _context(file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(file)
    return context


def _kept(file: Path) -> x509.Certificate | None:
    """Return the certificate of a file whose key is whole, fits, and was nobody else's to read."""
    try:
        if file.stat().st_mode & 0o077:
            return None
        held = file.read_bytes()
        key = serialization.load_pem_private_key(held, None)
        found = x509.load_pem_x509_certificate(held)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found if key.public_key() == found.public_key() else None


def _does(found: x509.Certificate, addresses: Sequence[Address], names: Sequence[str], at: datetime) -> bool:
    if not found.not_valid_before_utc <= at < found.not_valid_after_utc - RENEWED:
        return False
    try:
        held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return set(addresses) <= set(held.get_values_for_type(x509.IPAddress)) and set(names) <= set(
        held.get_values_for_type(x509.DNSName)
    )


def _make(file: Path, addresses: Sequence[Address], names: Sequence[str], at: datetime) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    made = _signed(key, addresses, names, at)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + made.public_bytes(serialization.Encoding.PEM)
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        # The mode is that of the file from its first byte on, so the key is at no time readable by others.
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as it:
            it.write(pem)
        fresh.replace(file)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
    return made


def _signed(
    key: ec.EllipticCurvePrivateKey, addresses: Sequence[Address], names: Sequence[str], at: datetime
) -> x509.Certificate:
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Duologue on {names[-1]}"[:64])])
    known = [*map(x509.DNSName, names), *map(x509.IPAddress, addresses)]
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - BACKDATED)
        .not_valid_after(at + VALID)
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
