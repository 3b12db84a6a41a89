"""`impair`: what leaves a device is lost, held, slowed, doubled, reordered or spoilt, as on a bad line."""

from __future__ import annotations

import json as json_module

from lab import terminal
from lab.agent.client import calls
from lab.errors import UsageError
from lab.tasks.commandline.task import LAB, Context, command


@command(
    positional=["where"],
    help={
        **LAB,
        "where": "PLACE/DEVICE: node-0/eth0, router/eth1, pod-0/eth0.",
        "loss": "Share of the packets that are lost: 1%.",
        "delay": "How long each is held: 20ms (netem).",
        "jitter": "By how much that varies at most: 5ms (netem).",
        "rate": "How much leaves in a second: 10mbit.",
        "duplicate": "Share of the packets that leave twice: 1% (netem).",
        "reorder": "Share of the packets that leave at once, before those held: 25% (netem).",
        "corrupt": "Share of the packets in which a bit is turned: 0.1% (netem).",
        "list": "Show what is impaired.",
        "clear": "Take away what was set on this device, or on all.",
        "json": "With --list, as JSON.",
    },
)
def impair(
    _: Context,
    where: str = "",
    loss: str = "",
    delay: str = "",
    jitter: str = "",
    rate: str = "",
    duplicate: str = "",
    reorder: str = "",
    corrupt: str = "",
    list_: bool = False,
    clear: bool = False,
    json: bool = False,
    lab: str = "",
) -> None:
    """Impair what leaves by a device, in tc's words and units; what was set there before is replaced.

    It outlasts `up`, and ends with the lab, or with --clear. Without netem in the kernel a token bucket keeps the rate
    and a rule loses packets; the rest needs netem, which `up --vm` has.
    """
    given = {"loss": loss, "delay": delay, "jitter": jitter, "rate": rate}
    given |= {"duplicate": duplicate, "reorder": reorder, "corrupt": corrupt}
    told = [f"--{name}" for name, text in given.items() if text]
    if (list_ or clear) and told:
        raise UsageError(f"{told[0]} with --{'list' if list_ else 'clear'}", "one at a time")
    if list_ and clear:
        raise UsageError("--list with --clear", "one at a time")
    if not (list_ or clear or where):
        raise UsageError("impair which device?", "PLACE/DEVICE, such as node-0/eth0; or --list")
    with calls.connect(lab or None) as connected:
        if list_:
            _show(connected.request("impaired"), json=json)
        elif clear:
            gone = connected.request("unimpair", where=where)
            left = {one["where"]: one for one in connected.request("impaired")} if gone else {}
            for one in gone:
                terminal.out(f"{one}: {_left(left[one]) if one in left else 'no longer impaired'}")
            if not gone:
                terminal.out(f"nothing to do: nothing was set by hand{f' on {where}' if where else ''}")
        else:
            made = connected.request("impair", where=where, given=given)
            terminal.out(f"{made['where']}: {made['impairment']}, by {made['by']}")
            if made["stands_in"]:
                terminal.warn(made["stands_in"].partition(": ")[2])


def _left(one: dict[str, str]) -> str:
    """What is done there once more, or still."""
    return f"impaired as {one['from']} says: {one['impairment']}" if one["from"] else f"impaired: {one['impairment']}"


def _show(found: list[dict[str, str]], *, json: bool) -> None:
    if json:
        terminal.out(json_module.dumps(found, indent=1))
    elif not found:
        terminal.out("nothing is impaired")
    else:
        rows = [(one["where"], one["impairment"], one["by"], one["from"] or "by hand") for one in found]
        terminal.out(terminal.table(("DEVICE", "WHAT LEAVES THERE", "BY", "FROM"), rows))
