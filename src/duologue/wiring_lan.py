"""What ``--lan`` adds to the wiring: addresses, a certificate for them, and how a person finds the page."""

from dataclasses import dataclass
from pathlib import Path

from duologue.lan import qr
from duologue.lan.addresses import Address, addresses, announced_name, names
from duologue.lan.certificate import Certificate, certificate


@dataclass(frozen=True, slots=True)
class Lan:
    """How others of this network come here."""

    certificate: Certificate
    hosts: tuple[str, ...]
    """As they are written in an address; the first one is the best."""
    public: tuple[str, ...]
    """Those of them that the whole internet may reach, if no firewall is in the way."""

    def urls(self, port: int) -> list[str]:
        """Return the addresses of the page, the best one first."""
        return [f"https://{host}:{port}" for host in self.hosts]

    def code(self, port: int, columns: int) -> list[str]:
        """Return the lines that draw the best address for a phone's camera; none where they do not fit."""
        return qr.coloured(self.urls(port)[0], columns)


def lan(folder: Path) -> Lan:
    """Return how others come here; the folder keeps the certificate. Raises ``CertificateError``."""
    found = addresses()
    name = announced_name()
    hosts = [*map(_written, found), *([name] if name else [])]
    return Lan(
        certificate(folder, found, names()),
        tuple(hosts or ["localhost"]),
        tuple(_written(each) for each in found if each.is_global),
    )


def _written(address: Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)
