"""The lab's certificates, as a client of the API server judges them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from lab.agent.apiserver.pki import Authority, Certificate

ADDRESSES = ("172.16.0.1", "127.0.0.1")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new()


@pytest.fixture(scope="module")
def server(authority: Authority) -> Certificate:
    return authority.certify(("kubernetes", "kubernetes.default.svc.cluster.local"), ADDRESSES)


def greet(certificate: Certificate, folder: Path, name: str, trusted: str) -> None:
    """A TLS handshake between the server and a client that wants `name` and trusts that authority, in memory."""
    chain = folder / "server.pem"
    chain.write_text(certificate.certificate + certificate.key)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(chain)
    client_side = ssl.create_default_context(cadata=trusted)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server, client, server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize("name", ["172.16.0.1", "127.0.0.1", "kubernetes", "kubernetes.default.svc.cluster.local"])
def test_the_server_is_believed_under_each_of_its_names_and_addresses(
    authority: Authority, server: Certificate, tmp_path: Path, name: str
) -> None:
    greet(server, tmp_path, name, trusted=authority.ca)


def test_it_is_not_believed_under_another_name(authority: Authority, server: Certificate, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        greet(server, tmp_path, "172.16.0.2", trusted=authority.ca)


def test_another_labs_authority_does_not_vouch_for_it(server: Certificate, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(server, tmp_path, "172.16.0.1", trusted=Authority.new().ca)


def test_who_trusts_it_trusts_a_server_that_was_certified_later(authority: Authority, tmp_path: Path) -> None:
    later = authority.certify(("kubernetes",), ("172.16.0.9",))
    greet(later, tmp_path, "172.16.0.9", trusted=authority.ca)
