"""All that a network namespace holds, in the words of the kernel's own tools. It runs inside of a place.

    python3 listing.py

Prints a line for each line of each tool, with the tool's name before it.
"""

from __future__ import annotations

import subprocess
import sys

TOOLS: tuple[str, ...] = (
    "iptables-save",
    "iptables-legacy-save",
    "nft -s list ruleset",
    "ipset save",
    "ip rule",
    "ip -4 route show table all",
    "ip -4 -o addr",
    "ip -d -o link",
    "ip neigh show nud permanent",
    "bridge fdb",
    "bridge -d -o link",
    "ip xfrm policy",
    "tc qdisc",
    r"sysctl -a -r ^net\.(ipv4\.(ip_|conf|icmp_)|bridge)",
)


def main() -> None:
    running = [
        (tool, subprocess.Popen(tool.split(" "), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)) for tool in TOOLS
    ]
    for tool, process in running:
        output, _ = process.communicate()
        name = " ".join(tool.split(" ")[:3])
        for line in output.decode(errors="replace").splitlines():
            sys.stdout.write(f"{name}: {line}\n")


if __name__ == "__main__":
    main()
