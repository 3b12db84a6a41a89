"""Every kind of Service in ipvs mode, asked from a pod, a node and outside: who answers, and whom it sees.

node-0 10.0.1.10: client, web-0 ──── subnet-a ── router ── gateway ── internet 203.0.113.53
node-1 10.0.2.10: other, web-1, far ─ subnet-b ────┘

The requests and what is to become of them are those of the other modes: tests/integration/service_table.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.labs import Lab, finish
from tests.integration.network.test_service_kinds import Asked, asked, require
from tests.integration.service_kinds import PODS, SERVICES, TOPOLOGY
from tests.integration.service_table import IPVS, OPTIONS, SUBJECTS
from tests.vm.labs import BOOT_SECONDS, KERNEL

SECONDS = 20.0  # what is dropped is waited for so long: in an emulated machine an answer takes its time
SETTINGS = ("services.masqueradeAll=true", 'services.nodePortAddresses=["10.0.0.0/16"]')


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    path: Path = tmp_path_factory.mktemp("kinds") / "kinds.yaml"
    path.write_text(TOPOLOGY + PODS + SERVICES, encoding="utf-8")
    one = Lab(str(path))
    yield one
    one.end()


def up(lab: Lab, *settings: str) -> None:
    words = (word for setting in (f"services.proxy={IPVS}", *settings) for word in ("--set", setting))
    finish(lab.start_up("--vm", "--kernel", os.environ[KERNEL], *words), seconds=BOOT_SECONDS).ok()


@pytest.fixture(scope="module")
def kinds(lab: Lab) -> Asked:
    up(lab)
    return asked(IPVS, lab, SUBJECTS, SECONDS)


@pytest.fixture(scope="module")
def strict(lab: Lab, kinds: Asked) -> Asked:
    """The same lab, with options."""
    assert kinds.answers
    up(lab, *SETTINGS)
    return asked(IPVS, lab, OPTIONS, SECONDS)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_becomes_of_requests(kinds: Asked, subject: str) -> None:
    require(kinds, SUBJECTS[subject])


@pytest.mark.parametrize("option", OPTIONS)
def test_what_an_option_of_kube_proxy_changes(strict: Asked, option: str) -> None:
    require(strict, OPTIONS[option])
