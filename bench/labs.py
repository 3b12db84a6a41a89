"""Labs for measurements: built through the agent as `up` builds them, ended whatever happens, and their memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import ROOT
from lab.agent.client import calls
from lab.agent.presence import folder
from lab.agent.protocol import Message
from lab.errors import HoplabError, LabError, UsageError

PODS_OF_A_NODE = 100
VERIFY = "verify"
CHANGED = "service-000007"  # there is always one of that name among many Services
P = "P"
"""The row of what commands' times are told as multiples of."""
IMPORTS = "import pydantic, yaml"
END_SECONDS, ASK_EVERY_SECONDS = 10.0, 0.02


@contextmanager
def ended(name: str) -> Iterator[None]:
    """A lab of that name, should one run when the block ends, is ended then, however the block ends."""
    try:
        yield
    finally:
        _end(name)


def _end(name: str) -> None:
    """`down`, also of a lab that is just starting or ending, as one whose `up` was interrupted."""
    deadline = time.monotonic() + END_SECONDS
    while name in folder.running() and time.monotonic() < deadline:
        try:
            with calls.connect(name) as connected:
                connected.down()
        except (UsageError, LabError):
            time.sleep(ASK_EVERY_SECONDS)


def nodes_for(pods: int) -> int:
    """How many nodes so many pods get."""
    return -(-pods // PODS_OF_A_NODE)


def with_pods(number: int, nodes: int, folder_: Path) -> str:
    """The path of a new topology file with so many pods, spread over the nodes, and no Service but kube-dns."""
    listed = "".join(f"    - {{name: node-{node}}}\n" for node in range(nodes))
    manifests = "".join(
        "---\n"
        "apiVersion: v1\nkind: Pod\n"
        f"metadata: {{name: pod-{pod}, namespace: bench, labels: {{app: bench}}}}\n"
        f"spec: {{nodeName: node-{pod % nodes}, containers: [{{name: server, image: built-in}}]}}\n"
        for pod in range(number)
    )
    file = folder_ / f"{number}.yaml"
    file.write_text(
        "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: bench}\n"
        f"spec:\n  nodes:\n{listed}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: bench}}\n{manifests}",
        encoding="utf-8",
    )
    return str(file)


def with_services(number: int, nodes: int, mode: str, folder_: Path) -> str:
    """The path of a new topology file with so many Services, a bare address behind each, and hardly any pods."""
    listed = "".join(f"    - {{name: node-{node}}}\n" for node in range(nodes))
    manifests = "".join(
        "---\n"
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: service-{one:06}}}\n"
        "spec: {ports: [{name: http, port: 80, targetPort: 8080}]}\n"
        "---\n"
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        f"metadata: {{name: service-{one:06}-1, labels: {{kubernetes.io/service-name: service-{one:06}}}}}\n"
        "addressType: IPv4\nports: [{name: http, port: 8080}]\n"
        f"endpoints: [{{addresses: [10.{100 + one // 62500}.{one // 250 % 250}.{one % 250 + 1}]}}]\n"
        for one in range(number)
    )
    file = folder_ / f"{mode}-{number}.yaml"
    file.write_text(
        "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: bench}\n"
        f"spec:\n  services: {{proxy: {mode}, cidr: 172.16.0.0/15}}\n  nodes:\n{listed}---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: pod-0}\n"
        f"spec: {{nodeName: node-0, containers: [{{name: server, image: built-in}}]}}\n{manifests}",
        encoding="utf-8",
    )
    return str(file)


def build(name: str, file: str) -> dict[str, float]:
    """`up`, in which the agent does all of the work: its milliseconds by phase."""
    text = Path(file).read_text(encoding="utf-8")
    with calls.connect_or_start(name) as connected:
        result: Message = connected.request("up", text=text, file=file, settings=[], pid=os.getpid())
    phases: dict[str, float] = result["milliseconds"]
    return phases


def applied(name: str, pod: str) -> float:
    """Milliseconds in which the agent adds a pod to the lab that runs, as `apply` asks it to."""
    text = (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {pod}, namespace: bench, labels: {{app: bench}}}}\n"
        "spec: {containers: [{name: server, image: built-in}]}\n"
    )
    with calls.connect(name) as connected:
        began = time.perf_counter()
        connected.request("apply", text=text, file="one-more.yaml")
        return (time.perf_counter() - began) * 1000


def command() -> tuple[str, ...]:
    """What a person types: ./inv where it has made its environment, else what ./inv starts."""
    ready = Path(sys.prefix, "stamp").exists()
    return (str(ROOT / "inv"),) if ready else (sys.executable, str(ROOT / "tasks.py"))


def whole(*arguments: str, status: int = 0) -> float:
    """Milliseconds of a task as a whole process. HoplabError with its last words if it ends with another status."""
    began = time.perf_counter()
    done = subprocess.run([*command(), *arguments], capture_output=True, text=True, check=False)
    spent = (time.perf_counter() - began) * 1000
    if done.returncode != status:
        raise HoplabError(f"`{' '.join(arguments)}` ended with {done.returncode}, not {status}: {done.stderr.strip()}")
    return spent


def interpreter() -> float:
    """Milliseconds of `P`: an interpreter that imports what Hoplab's files are read with."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return (time.perf_counter() - began) * 1000


def memory(name: str, kind: str = "Pss") -> float:
    """MiB of all the lab's processes: the sum of their proportional set sizes (of what N share, each has 1/N). With
    `Pss_Anon` of what is no file's: that does not depend on who else on the machine has the same files mapped.
    """
    with calls.connect(name) as connected:
        init = connected.sandbox.pid
    rollups = [Path(f"/proc/{pid}/smaps_rollup") for pid in _descendants(init)]
    kilobytes = 0
    for rollup in rollups:
        try:
            text = rollup.read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        kilobytes += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{kind}:"))
    return kilobytes / 1024


def _descendants(init: int) -> list[int]:
    """The init of a PID namespace and everything in it: whoever loses their parent there becomes the init's child."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                status = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(status.rpartition(")")[2].split()[1])
    found = [init]
    for parent in found:
        found += [pid for pid, its_parent in parents.items() if its_parent == parent]
    return found
