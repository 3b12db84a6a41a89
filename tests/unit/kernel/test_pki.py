"""The lab's certificates, as a client of the API server judges them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from lab.kernel.pki import Pki, make


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make(("kubernetes", "kubernetes.default.svc.cluster.local"), ("172.16.0.1", "127.0.0.1"))


def greet(pki: Pki, folder: Path, name: str, trusted: str) -> None:
    """A TLS handshake between the server and a client that wants `name` and trusts that authority, in memory."""
    chain = folder / "server.pem"
    chain.write_text(pki.certificate + pki.key)
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
def test_the_server_is_believed_under_each_of_its_names_and_addresses(pki: Pki, tmp_path: Path, name: str) -> None:
    greet(pki, tmp_path, name, trusted=pki.ca)


def test_it_is_not_believed_under_another_name(pki: Pki, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        greet(pki, tmp_path, "172.16.0.2", trusted=pki.ca)


def test_another_labs_authority_does_not_vouch_for_it(pki: Pki, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(pki, tmp_path, "172.16.0.1", trusted=make((), ()).ca)


def test_every_lab_has_a_token_of_its_own(pki: Pki) -> None:
    assert len(pki.token) >= 40
    assert pki.token != make((), ()).token
