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


@dataclass(frozen=True, slots=True)
class Authority:
    """The lab's for as long as it lives: whoever was given its certificate trusts every server's. Its own certificate
    and its key, as PEM.
    """

    ca: str
    key: str

    @classmethod
    def new(cls) -> Authority:
        """One that there was not yet."""
        # Imported here: 55 ms that few processes need.
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(AUTHORITY)
        certificate = (
            _certificate(name, name, key, key_cert_sign=True)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate.public_bytes(Encoding.PEM).decode(), _pem(key))

    def certify(self, names: Sequence[str], addresses: Sequence[str]) -> Certificate:
        """A new server certificate for these DNS names and IP addresses."""
        from cryptography import x509  # noqa: PLC0415  as above
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key  # noqa: PLC0415

        own = load_pem_private_key(self.key.encode(), None)
        assert isinstance(own, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key())
        alternatives = [*map(x509.DNSName, names), *(x509.IPAddress(ip_address(address)) for address in addresses)]
        certificate = (
            _certificate(_name(SERVER), _name(AUTHORITY), key, key_cert_sign=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(identifier, critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(own, hashes.SHA256())
        )
        return Certificate(certificate.public_bytes(Encoding.PEM).decode(), _pem(key))


def _pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


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
