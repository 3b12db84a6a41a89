"""The lab's own certificate authority: what the API server shows its clients, and what these trust.

As kubeadm makes them: a certificate authority called `kubernetes`, and below it the certificate of `kube-apiserver`,
which holds for every name and address under which clients reach it. P-256 keys take a millisecond, RSA ones seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import CertificateBuilder, Name

AUTHORITY = "kubernetes"
SERVER = "kube-apiserver"
# A lab does not live as long; clocks of clients outside may be slow.
VALID = timedelta(days=365)
SLOW_CLOCK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM texts: of the server, and of its key."""

    certificate: str
    key: str


class Authority:
    """A new authority, the lab's for as long as it lives: whoever was given its certificate trusts every server's."""

    def __init__(self) -> None:
        # Imported here: 55 ms that only a starting agent needs.
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(AUTHORITY)
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            _certificate(self._name, self._name, self._key, key_cert_sign=True)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.ca = certificate.public_bytes(Encoding.PEM).decode()
        """Its own certificate, as PEM."""

    def certify(self, names: Sequence[str], addresses: Sequence[str]) -> Certificate:
        """A new server certificate for these DNS names and IP addresses."""
        from cryptography import x509  # noqa: PLC0415  as above
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

        key = ec.generate_private_key(ec.SECP256R1())
        identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier)
        alternatives = [*map(x509.DNSName, names), *(x509.IPAddress(ip_address(address)) for address in addresses)]
        certificate = (
            _certificate(_name(SERVER), self._name, key, key_cert_sign=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(identifier, critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Certificate(
            certificate.public_bytes(Encoding.PEM).decode(),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        )


def _name(common: str) -> Name:
    from cryptography import x509  # noqa: PLC0415  as above

    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, common)])


def _certificate(
    subject: Name, issuer: Name, key: EllipticCurvePrivateKey, *, key_cert_sign: bool
) -> CertificateBuilder:
    """The part that both have, not yet signed."""
    from cryptography import x509  # noqa: PLC0415  as above

    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLOW_CLOCK)
        .not_valid_after(now + VALID)
        .add_extension(usage, critical=True)
    )
