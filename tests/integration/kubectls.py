"""The kubectls of this machine, old and current, as a person types them at a lab."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tests.integration.labs import PATIENCE_SECONDS, ROOT, Done, Lab, environment
from tests.integration.living import condition, kubeconfig

Json = dict[str, Any]

SHOP = ROOT / "topologies" / "manifests" / "shop.yaml"
WEBSOCKETS_SINCE = 30  # the minor release from which on exec speaks WebSocket
HOW_TO_GET_ONE = "no kubectl on this machine: ./inv test gets some where apt or Go is"

_numbers = itertools.count()


def found() -> dict[str, str]:
    """Their paths: those that `./inv test` has got, by how it got them, and the one on PATH."""
    got = {path.parent.name: str(path) for path in sorted(Path(sys.prefix, "kubectl").glob("*/kubectl"))}
    own = shutil.which("kubectl")
    return {**got, "path": own} if own else got


@cache
def minor_of(program: str) -> int:
    """20 for 1.20."""
    said = subprocess.run((program, "version", "--client", "-o", "json"), capture_output=True, check=True).stdout
    return int(json.loads(said)["clientVersion"]["gitVersion"].split(".")[1].partition("-")[0])


@dataclass(frozen=True, slots=True)
class Kubectl:
    """One kubectl, a lab, and the namespace that is meant when none is said."""

    program: str
    lab: Lab
    home: str
    namespace: str = "default"

    def __call__(self, *arguments: str, given: str = "") -> str:
        """What it printed; the test fails with the whole story unless it ended well."""
        return self.done(*arguments, given=given).ok()

    def done(self, *arguments: str, given: str = "") -> Done:
        """From beginning to end, however that is."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(given.encode(), timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"$ kubectl {' '.join(arguments)}\nhangs; it said\n{out!r}{err!r}") from None
        return Done(("kubectl", *arguments), process.returncode, out.decode(), err.decode())

    def refused(self, *arguments: str, given: str = "") -> str:
        """What it said on standard error; it must not have ended well."""
        done = self.done(*arguments, given=given)
        assert done.status != 0, str(done)
        return done.err

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Begun, with pipes on all three sides."""
        return subprocess.Popen(
            (self.program, "--namespace", self.namespace, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment({"KUBECONFIG": str(kubeconfig(self.lab)), "HOME": self.home}),
        )

    def object(self, *arguments: str) -> Json:
        """`get … -o json`, read."""
        told: Json = json.loads(self("get", *arguments, "-o", "json"))
        return told

    def names(self, *arguments: str) -> set[str]:
        """`get … -o name`, without the kind."""
        return {line.partition("/")[2] for line in self("get", *arguments, "-o", "name").splitlines()}

    def ready_pods(self, selector: str) -> set[str]:
        """The names of the pods of those labels that are ready and stay."""
        items = self.object("pods", "-l", selector)["items"]
        staying = (one for one in items if "deletionTimestamp" not in one["metadata"])
        return {one["metadata"]["name"] for one in staying if condition(one) == "True"}

    @property
    def minor(self) -> int:
        return minor_of(self.program)

    @property
    def is_current(self) -> bool:
        """Whether it is of the years in which exec speaks WebSocket, and much else is as today."""
        return self.minor >= WEBSOCKETS_SINCE

    @contextmanager
    def in_new_namespace(self) -> Iterator[Kubectl]:
        """The same in a namespace of its own, which is deleted at the end."""
        one = replace(self, namespace=f"shop-{next(_numbers)}")
        self("create", "namespace", one.namespace)
        try:
            yield one
        finally:
            self("delete", "namespace", one.namespace)

    @contextmanager
    def open_shop(self) -> Iterator[Kubectl]:
        """The shop in a namespace of its own, all of it ready. Where it stands is deleted at the end."""
        with self.in_new_namespace() as one:
            one("apply", "-f", str(SHOP))
            for name in ("front", "cart", "stock"):
                one("rollout", "status", f"deployment/{name}", "--timeout=60s")
            yield one


@contextmanager
def typed_at(lab: Lab, program: str) -> Iterator[Kubectl]:
    """That kubectl with that lab; what it caches goes with the block."""
    with tempfile.TemporaryDirectory(prefix="hoplab-kubectl-") as home:
        yield Kubectl(program, lab, home)
