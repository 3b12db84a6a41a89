"""The lab's own certificate authority: what the API server shows its clients, and what these trust.

As kubeadm makes them: a certificate authority called `kubernetes`, and below it the certificate of `kube-apiserver`,
which holds for every name and address under which clients reach it. P-256 keys take a millisecond, RSA ones seconds.
"""

from __future__ import annotations

import secrets
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
TOKEN_BYTES = 32
# A lab does not live as long; clocks of clients outside may be slow.
VALID = timedelta(days=365)
SLOW_CLOCK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pki:
    """PEM texts: the authority's certificate, the server's and its key; and a bearer token for the API's clients.

    The authority's key is not kept: it signs nothing else.
    """

    ca: str
    certificate: str
    key: str
    token: str


def make(names: Sequence[str], addresses: Sequence[str]) -> Pki:
    """A new authority and a server certificate for these DNS names and IP addresses."""
    # Imported here: 55 ms that only a starting agent needs.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _name(AUTHORITY)
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    ca = (
        _certificate(authority, authority, authority_key, key_cert_sign=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    alternatives = [*map(x509.DNSName, names), *(x509.IPAddress(ip_address(address)) for address in addresses)]
    certificate = (
        _certificate(_name(SERVER), authority, key, key_cert_sign=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return Pki(
        ca.public_bytes(Encoding.PEM).decode(),
        certificate.public_bytes(Encoding.PEM).decode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        secrets.token_urlsafe(TOKEN_BYTES),
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
