"""The paste test's inside: `python -m tests.integration.pasted TOPOLOGY` in an empty sandbox.

Runs the script on standard input with `sh`, as a person would paste it, then reads back what the kernel holds and
prints, as JSON, what differs from the topology's design and what a request then gets.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from lab.agent.design.blueprint import read_design
from lab.errors import MachineError
from lab.kernel.holdings import Holdings
from lab.kernel.observe import observe
from lab.kernel.sandbox import init as sandbox
from lab.network.objects import Listener, Process
from lab.network.place_names import netns_name
from lab.plan import plan
from lab.plan.summary import summary
from lab.tasks import topologies
from tests.integration.labs import ROOT, until

CURL = ("curl", "-sS", "--max-time", "5", "http://myapp")


def paste(topology: str, script: str) -> dict[str, object]:
    """The script's status and words, what differs afterwards, and what pod-0 gets when it asks for myapp."""
    errors = os.memfd_create("errors")
    shell = subprocess.run(["sh", "-e"], input=script, text=True, stdout=subprocess.DEVNULL, stderr=errors, check=False)
    source = topologies.find(topology)
    network = read_design(source.text, source.file, ()).network
    holdings = Holdings()
    holdings.namespaces.adopt({netns_name(place): place for place in network.places})
    holdings.learn(network)
    left = plan(network, observe(holdings, network))
    # Programs that somebody else started are not ours to know; that they run is seen by asking them.
    serving = {item.key for item in network if isinstance(item, Listener | Process)}
    kinds = {key[0] for key in serving}
    differs = [told for told in summary(left) if told["object"].split(" ")[0] not in kinds]
    inside = ("ip", "netns", "exec", "namespace001.pod-0", *CURL)

    def answered() -> str:
        return subprocess.run(inside, capture_output=True, text=True, check=False).stdout

    answer = until(answered, "pod-0 gets an answer")
    os.lseek(errors, 0, os.SEEK_SET)
    said = os.read(errors, 65536).decode(errors="replace")
    return {"status": shell.returncode, "said": said, "differs": differs, "answer": answer}


def main() -> None:
    """Make the sandbox, paste, print."""
    script = sys.stdin.read()

    def life() -> None:
        print(json.dumps(paste(sys.argv[1], script)), flush=True)  # noqa: T201

    def refused(error: MachineError) -> None:
        sys.exit(str(error))

    os.waitpid(sandbox.start("pasted", life, refused, shown=(str(ROOT),)), 0)


if __name__ == "__main__":
    main()
