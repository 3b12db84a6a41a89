"""`calicoctl ipam check`: the addresses that are given away against those that pods and nodes say they have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from lab.calicoctl import objects
from lab.calicoctl.answers import Answer, refused
from lab.calicoctl.options import Given, Options
from lab.calicoctl.seen import Allocation, Seen
from lab.network.ipv4 import Prefix, number

OPTIONS = Options(
    {"output": "o", "config": "c", "kubeconfig": ""},
    {"show-all-ips": "", "show-problem-ips": "", "allow-version-mismatch": "", "help": "h"},
)
_MOST_NODES = 20

Owners = Mapping[str, Sequence[str]]
Say = Callable[[str], None]


def check(given: Given, seen: Seen) -> Answer:
    """What there is, and what does not fit; problems do not change the status."""
    if given.has("output"):
        return refused(
            "the report that -o writes is for `ipam release`, and nothing of a lab has to be released",
            "ipam check --show-all-ips tells the same",
        )
    everything = given.has("show-all-ips")
    said: list[str] = []
    _Checking(seen, everything, everything or given.has("show-problem-ips"), said.append).run()
    return Answer("".join(f"{line}\n" for line in said))


class _Checking:
    """One check: `everything` and `problems` are what is told of single addresses."""

    def __init__(self, seen: Seen, everything: bool, problems: bool, say: Say) -> None:
        self._seen = seen
        self._everything = everything
        self._problems = problems
        self._say = say
        self._in_use: defaultdict[str, list[str]] = defaultdict(list)

    def run(self) -> None:
        self._say("Checking IPAM for inconsistencies...")
        self._say("")
        self._blocks()
        self._pools()
        self._owners()
        self._say("Loading all handles")
        self._nodes()
        problems = self._leaked() + self._unknown()
        self._handles()
        self._say(f"Check complete; found {problems} problems.")

    def _blocks(self) -> None:
        seen = self._seen
        self._say("Loading all IPAM blocks...")
        self._say(f"Found {len(seen.blocks)} IPAM blocks.")
        for block in seen.blocks:
            self._say(f" IPAM block {block.cidr} affinity=host:{block.node}:")
            for one in seen.within(block) if self._everything else ():
                self._say(f"  {one.address} allocated; attrs {_attributes(one)}")
        self._say(f"IPAM blocks record {len(seen.allocations)} allocations.")
        self._say("")

    def _pools(self) -> None:
        self._say("Loading all IPAM pools...")
        for pool in self._seen.pools:
            self._say(f"  {pool.cidr}")
        self._say(f"Found {len(self._seen.pools)} active IP pools.")
        self._say("")

    def _owners(self) -> None:
        self._say("Loading all nodes.")
        tunnels = [(one, node.name) for node in self._seen.nodes for one in (node.tunnel, node.wireguard) if one]
        for address, name in tunnels:
            self._uses(address, f"Node({name})")
        self._say(f"Found {len(tunnels)} node tunnel IPs.")
        self._say("")
        self._say("Loading all service load balancer IPs.")
        self._say("No configuration for LoadBalancer kubecontroller found, skipping service check")
        self._say("")
        self._say("Loading all workload endpoints.")
        workloads = 0
        for one in objects.workload_endpoints(self._seen):
            for network in one["spec"].get("ipNetworks", ()):
                workloads += 1
                whose = f"{one['metadata']['namespace']}/{one['metadata']['name']}"
                self._uses(network.partition("/")[0], f"Workload({whose})")
        self._say(f"Found {workloads} workload IPs.")
        self._say(f"Workloads and nodes are using {len(self._in_use)} IPs.")
        self._say("")

    def _uses(self, address: str, whose: str) -> None:
        if self._everything:
            self._say(f"  {address} belongs to {whose}")
        self._in_use[address].append(whose)

    def _nodes(self) -> None:
        self._say(f"Looking for top (up to {_MOST_NODES}) nodes by allocations...")
        counts: defaultdict[str, int] = defaultdict(int)
        for one in self._seen.allocations:
            counts[one.node] += 1
        most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        for node, count in most[:_MOST_NODES]:
            self._say(f"  {node} has {count} allocations")
        if most:
            self._say(f"Node with most allocations has {most[0][1]}; median is {most[len(most) // 2][1]}")
        self._say("")

    def _leaked(self) -> int:
        self._say("Scanning for IPs that are allocated but not actually in use...")
        leaked = [one for one in self._seen.allocations if one.address not in self._in_use]
        for one in leaked if self._problems else ():
            self._say(f"  {one.address} leaked; attrs {_attributes(one)}")
        self._say(f"Found {len(leaked)} IPs that are allocated in IPAM but not actually in use.")
        return len(leaked)

    def _unknown(self) -> int:
        self._say("Scanning for IPs that are in use by a workload or node but not allocated in IPAM...")
        given = {one.address for one in self._seen.allocations}
        pools = [Prefix.of(pool.cidr) for pool in self._seen.pools]
        foreign = unrecorded = 0
        for address, owners in sorted(self._in_use.items(), key=lambda item: number(item[0])):
            if self._problems and len(owners) > 1:
                self._say(f"  {address} has multiple owners.")
            if address in given:
                continue
            known = any(number(address) in pool for pool in pools)
            why = "and in active IPAM pool but has no IPAM allocation" if known else "is not in any active IP pool"
            foreign, unrecorded = foreign + (not known), unrecorded + known
            for owner in owners if self._problems else ():
                self._say(f"  {address} in use by {owner} {why}.")
        self._say(f"Found {foreign} in-use IPs that are not in active IP pools.")
        self._say(
            f"Found {unrecorded} in-use IPs that are in active IP pools but have no corresponding IPAM allocation."
        )
        self._say("")
        return foreign + unrecorded

    def _handles(self) -> None:
        """In a lab handles are no objects of their own: each is there with its address."""
        handles = {one.handle for one in self._seen.allocations if one.handle}
        self._say("Scanning for IPAM handles with no matching IPs...")
        self._say(f"Found 0 handles with no matching IPs (and {len(handles)} handles with matches).")
        self._say("Scanning for IPs with missing handle...")
        self._say("Found 0 handles mentioned in blocks with no matching handle resource.")


def _attributes(one: Allocation) -> str:
    extra = ",".join(f"{name}={value}" for name, value in one.attributes)
    return f"Main:{one.handle or '<none>'} Extra:{extra}"
