"""`python -m tests.vm.patiently TOPOLOGY LAB [SETTING…]`: `up`, with a machine's patience for the agent to start."""

from __future__ import annotations

import sys
from functools import partial

from lab.agent.client.spawn import Started, start
from lab.tasks import topologies
from lab.tasks.commandline.exit_status import status_of
from lab.tasks.lifetime import bring_up

START_SECONDS = 300.0


def up(topology: str, lab: str, *settings: str) -> None:
    def begin(_: object) -> Started | None:
        return start(lab, None, START_SECONDS)

    bring_up(lab, topologies.find(topology), list(settings), begin=begin)


if __name__ == "__main__":
    sys.exit(status_of(partial(up, *sys.argv[1:])))
