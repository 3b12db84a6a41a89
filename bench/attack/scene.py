"""The lab that is attacked, and what must hold of it: up, a request delivered, down, and nothing left."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from bench import ROOT
from bench.attack.answers import Answer, asked, started
from bench.attack.belongings import MARK, processes
from lab.agent.presence import folder
from lab.agent.presence.folder import KUBECONFIG

TOPOLOGY = "two-subnet"  # with objects of every kind beside its own
OBJECTS = Path(__file__).with_name("objects.yaml")
GONE_SECONDS = 20.0
PIDS = 600
# Memory and processors are bounded by control groups, which an ordinary user may not have.
LIMITS = ("--limit", f"pids={PIDS},disk=32M" + (",memory=400M,cpu=100%" if os.geteuid() == 0 else ""))
LOOK_EVERY_SECONDS = 0.02
SLOWEST_MS = 200.0  # of others' waiting, at the 99th percentile


class Scene:
    """One lab under a name of its own; it is gone at the end of the block."""

    def __init__(self) -> None:
        self.name = f"attack-{os.getpid()}"
        self._folder = TemporaryDirectory(prefix="hoplab-attack-")
        self.folder = Path(self._folder.name)
        self.topology = self.folder / f"{TOPOLOGY}.yaml"
        given = (ROOT / "topologies" / f"{TOPOLOGY}.yaml").read_text(encoding="utf-8")
        self.topology.write_text(given + OBJECTS.read_text(encoding="utf-8"), encoding="utf-8")
        self._bystander: subprocess.Popen[str] | None = None
        self.watched = False
        self._api: Connection | None = None
        self.waited: list[float] = []
        self.late: list[float] = []

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        self._dismiss()
        self.command("down")
        for pid in processes(self.name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._folder.cleanup()

    @property
    def mark(self) -> dict[str, str]:
        """What everything that is started for this lab has in its environment."""
        return {MARK: self.name, "HOPLAB_LAB": self.name}

    def command(self, *words: str, before: str = "") -> Answer:
        """A task on this lab."""
        return asked(*words, "--lab", self.name, extra=self.mark, before=before)

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """The same, begun."""
        return started((*words, "--lab", self.name), self.mark)

    def up(self) -> Answer:
        """Bring it up, or back to its file."""
        return self.command("up", "--topology", str(self.topology), *LIMITS)

    def trace(self) -> Answer:
        """The request that every check makes."""
        return self.command("trace", "--from", "pod-0", "--to", "myapp")

    def stands(self) -> bool:
        """Whether it is among the labs that run."""
        return self.name in folder.running()

    def wrong(self) -> list[str]:
        """What does not hold any more. Afterwards the lab is up, as from the beginning, whatever was done to it."""
        self._dismiss()
        found = []
        if self.stands():
            answer = self.command("down")
            # One that was killed a moment ago may be gone before it is asked: that is said, and it is down.
            ended = answer.status == 0 or not self.stands()
            found += _unless(ended, f"`down` ended with {answer.status}: {answer.err.strip()[-600:]}")
        found += self.left()
        for what, act in (("up", self.up), ("trace", self.trace), ("a second up", self.up)):
            answer = act()
            found += _unless(answer.status == 0, f"`{what}` ended with {answer.status}: {answer.err.strip()[-600:]}")
        self._invite()
        return found

    def left(self) -> list[str]:
        """What there still is of a lab that has ended."""
        gone = until(lambda: not processes(self.name) and not self.stands(), GONE_SECONDS)
        found = [] if gone else [f"left: {words}" for words in processes(self.name).values()]
        with suppress(OSError):
            found += [f"left: {path}" for path in folder.base().iterdir() if path.name == self.name]
        return found

    def api(self) -> Connection:
        """A connection to its API server, with the owner's token; the same for as long as the lab is."""
        file = folder.of(self.name) / KUBECONFIG
        text = file.read_text(encoding="ascii")
        if self._api is None or self._api.text != text:
            self._api = Connection(text)
        return self._api

    def watch(self, wanted: bool) -> None:
        """Whether somebody asks again and again from now on, whose waiting counts."""
        self._dismiss()
        self.watched = wanted
        self._invite()

    def _invite(self) -> None:
        if not self.watched:
            return
        self._bystander = subprocess.Popen(
            [sys.executable, "-m", "bench.attack.bystander", self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def _dismiss(self) -> None:
        """What the bystander saw is kept."""
        if self._bystander is None:
            return
        told, _ = self._bystander.communicate(timeout=GONE_SECONDS)
        self._bystander = None
        with suppress(json.JSONDecodeError):
            seen = json.loads(told)
            if self.watched:
                self.waited += seen["waited"]
                self.late += seen["late"]


class Connection:
    """To an API server, as its kubeconfig says; made anew when the other side has closed it."""

    def __init__(self, kubeconfig: str) -> None:
        self.text = kubeconfig
        config = yaml.safe_load(kubeconfig)
        cluster = config["clusters"][0]["cluster"]
        self.host, _, port = cluster["server"].removeprefix("https://").partition(":")
        self.port = int(port)
        trusted = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.context = ssl.create_default_context(cadata=trusted)
        self.token = config["users"][0]["user"]["token"]
        self._connection = http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=30)

    def ask(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        """Status and body of the answer. OSError or HTTPException when there is none."""
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it became true in that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY_SECONDS)
    return True


def _unless(holds: bool, told: str) -> list[str]:
    return [] if holds else [told]
