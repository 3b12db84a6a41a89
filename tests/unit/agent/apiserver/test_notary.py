"""Who makes the first certificate: another process, or, where that has ended, this one."""

from __future__ import annotations

import os
import signal
import ssl
from pathlib import Path

import pytest

from lab.agent.apiserver.notary import Notary

NAMES, ADDRESSES = ("kubernetes", "kubernetes.default"), ("172.16.0.1",)


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()}


@pytest.mark.parametrize("killed", [False, True], ids=["at work", "killed before"])
def test_there_is_a_certificate_that_the_authority_has_signed(killed: bool, tmp_path: Path) -> None:
    before = children()
    notary = Notary()
    (pid,) = children() - before
    if killed:
        os.kill(pid, signal.SIGKILL)
    authority, made = notary.certify(NAMES, ADDRESSES)
    os.waitpid(pid, 0)
    assert children() == before, "its process ends with the certificate"
    for name, text in (("server.crt", made.certificate), ("server.key", made.key)):
        (tmp_path / name).write_text(text, encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    context.load_verify_locations(cadata=authority.ca)
    assert authority.certify(NAMES, ADDRESSES).certificate != made.certificate, "it certifies others as well"
