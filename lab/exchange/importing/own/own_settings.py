"""A machine's own settings, as a file for the lab: those that decide on a packet, and are not a kernel's usual ones."""

from __future__ import annotations

from lab.exchange.importing.collection.notes import Notes
from lab.exchange.importing.collection.text import text
from lab.exchange.importing.own.judging import lines
from lab.exchange.importing.own.renaming import Renaming
from lab.exchange.importing.surroundings.underlay import Placed
from lab.topology.machine.devices import Devices
from lab.topology.machine.sysctl_lines import SavedSetting, settings

_WATCHED = ("accept_local", "arp_announce", "arp_filter", "arp_ignore", "forwarding", "proxy_arp", "rp_filter")
_PLACES = {
    "net.ipv4.ip_forward": "1",
    "net.ipv4.ip_default_ttl": "64",
    "net.ipv4.ip_local_port_range": "32768 60999",
    "net.ipv4.ip_no_pmtu_disc": "0",
    "net.ipv4.icmp_echo_ignore_all": "0",
    "net.ipv4.tcp_mtu_probing": "0",
    "net.ipv4.fib_multipath_hash_policy": "0",
    "net.netfilter.nf_conntrack_tcp_be_liberal": "0",
    "net.netfilter.nf_conntrack_tcp_loose": "1",
    "net.netfilter.nf_conntrack_udp_timeout": "30",
}
"""Settings of a machine that decide on a packet, and what a kernel has by itself: only others are a machine's own."""


def own_settings(here: Placed, devices: Devices, notes: Notes) -> str:
    """As a sysctlFile."""

    def counts(one: SavedSetting) -> bool:
        if one.name in _PLACES:
            return one.value != _PLACES[one.name]
        device, _, name = one.name.removeprefix("net.ipv4.conf.").rpartition(".")
        if name not in _WATCHED or device == "default":
            return False
        return one.value != ("1" if name == "forwarding" else "0")

    assert here.machine is not None
    found = text(here.machine.collected, "sysctl.txt", notes) or ""
    renaming = Renaming(here.device)
    watched = [line for line in found.splitlines() if line.startswith(("net.ipv4.conf.", *_PLACES))]
    told = "".join(f"{renaming.setting(line)}\n" for line in watched)
    return lines(told, here.machine.collected.called("sysctl.txt"), settings(devices), counts, notes) if told else ""
