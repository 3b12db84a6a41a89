"""Records one real trace for the golden tests: what the client lived and every packet that belongs to it.

    python tests/golden/trace/record.py NAME --lab LAB --from POD --to TARGET [--via POD] [--protocol udp]

The lab must be running, two-subnet or two-subnet-bridge, with the fault in it that the recording is about. The map goes
into TOPOLOGY.map.json beside the recording.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from lab.map.labmap import LabMap
from lab.trace import run
from lab.trace.ask.exchange import parts
from lab.trace.explain.verdict import judge
from lab.trace.journey import Journey
from lab.trace.trace import trace

HERE = Path(__file__).parent


def recorded(labmap: LabMap, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """The arguments of `judge` as JSON; of the packets only those that are the exchanges' own."""
    request, exchanges, observations, resolution = arguments
    own = {id(part.observation) for exchange in exchanges for part in parts(exchange, observations)}
    began = min((one.capture.t_ns for one in observations), default=0)
    return {
        "map": labmap.lab,
        "request": [request.source, request.to, request.port, request.protocol],
        "exchanges": [
            [
                one.phase,
                one.protocol,
                one.source,
                one.address,
                one.sport,
                one.destination,
                one.dport,
                one.token.hex(),
                one.outcome,
                one.detail,
            ]
            for one in exchanges
        ],
        "resolution": resolution and [resolution.name, resolution.status, resolution.addresses, resolution.questions],
        "captures": [
            [
                one.capture.place,
                one.capture.interface,
                one.capture.way,
                one.capture.t_ns - began,
                one.capture.frame.hex(),
                one.capture.hardware,
                one.capture.unfinished,
                one.capture.foreign,
            ]
            for one in observations
            if id(one) in own
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--lab")
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--via")
    parser.add_argument("--protocol", default="tcp")
    given = parser.parse_args()

    def keep(labmap: LabMap, *arguments: Any) -> Journey:
        text = json.dumps(recorded(labmap, arguments), indent=1)
        (HERE / f"{given.name}.recording.json").write_text(text + "\n", encoding="utf-8")
        (HERE / f"{labmap.lab}.map.json").write_text(json.dumps(labmap.to_json(), indent=1) + "\n", encoding="utf-8")
        return judge(labmap, *arguments)

    vars(run)["judge"] = keep
    trace(given.lab, given.source, given.to, via=given.via, protocol=given.protocol)


if __name__ == "__main__":
    main()
