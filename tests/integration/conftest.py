"""Labs for the tests: a healthy one per worker for those that only look, and as many of their own as others want.

Every lab has a name of its own, so that all tests run side by side; each is taken down whatever happens. When a test
fails, what its commands said is in the failure: `Done.ok()` tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration import kubectls
from tests.integration.kubectls import Kubectl
from tests.integration.labs import ROOT, Lab, standing

LabFactory = Callable[..., Lab]


@pytest.fixture
def lab() -> Iterator[LabFactory]:
    """Makes labs: `lab("two-subnet")` is up when it returns, `lab("minimal", up=False)` is only named.

    All end with the test.
    """
    made: list[Lab] = []

    def make(topology: str = "two-subnet", *options: str, up: bool = True) -> Lab:
        one = Lab(topology)
        made.append(one)
        if up:
            one.up(*options).ok()
        return one

    yield make
    for one in made:
        one.end()


@pytest.fixture(scope="session")
def two_subnet() -> Iterator[Lab]:
    """The healthy lab of this worker. Look, send, capture; change nothing."""
    with standing("two-subnet") as one:
        yield one


@pytest.fixture(scope="session", params=list(kubectls.found()) or ["none"])
def kubectl(request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """Each kubectl that this machine has, with a lab for it alone: tests that change something take namespaces of their
    own.
    """
    program = kubectls.found().get(request.param)
    if program is None:
        pytest.skip(kubectls.HOW_TO_GET_ONE)
    with standing("two-subnet") as lab, kubectls.typed_at(lab, program) as one:
        yield one


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    """Writes a topology into a file that stays the same file when its text changes; gives its path."""

    def write(text: str) -> str:
        path = tmp_path / "topology.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture(scope="session")
def two_subnet_text() -> str:
    return (ROOT / "topologies" / "two-subnet.yaml").read_text(encoding="utf-8")
