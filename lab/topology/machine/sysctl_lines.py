"""What `sysctl net` prints: settings of a network namespace, `name = value`.

Most of what it prints is of the whole machine, of IPv6, or has no say in a packet's way: that is left out. What may be
set is in these tables; all of it is a namespace's own since Linux 5.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lab.topology.machine.devices import Devices
from lab.topology.machine.dump import DumpError, Entry, Kind, LeftOutError
from lab.topology.machine.words import IPV6
from lab.topology.yaml.document import shown

COMMAND = "sysctl net"
OTHERS = "not of a network namespace, or without a say in a packet's way"
FORWARD, FORWARD_TOO = "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"

OF_DEVICES = frozenset(
    (
        *("accept_local", "accept_redirects", "accept_source_route", "arp_accept", "arp_announce", "arp_filter"),
        *("arp_ignore", "arp_notify", "disable_policy", "disable_xfrm", "drop_gratuitous_arp"),
        *("drop_unicast_in_l2_multicast", "forwarding", "ignore_routes_with_linkdown", "log_martians"),
        *("promote_secondaries", "proxy_arp", "proxy_arp_pvlan", "route_localnet", "rp_filter", "secure_redirects"),
        *("send_redirects", "shared_media", "src_valid_mark"),
    )
)
"""Below net.ipv4.conf.all, .default and an interface's name."""

_IPV4 = (
    *("fib_multipath_hash_policy", "fib_multipath_use_neigh", "fwmark_reflect", "icmp_echo_ignore_all"),
    *("icmp_echo_ignore_broadcasts", "icmp_errors_use_inbound_ifaddr", "icmp_ignore_bogus_error_responses"),
    *("icmp_ratelimit", "icmp_ratemask", "ip_default_ttl", "ip_early_demux", "ip_forward"),
    *("ip_forward_use_pmtu", "ip_local_port_range", "ip_local_reserved_ports", "ip_no_pmtu_disc"),
    *("ip_nonlocal_bind", "ip_unprivileged_port_start", "tcp_abort_on_overflow", "tcp_base_mss", "tcp_ecn"),
    *("tcp_fin_timeout", "tcp_fwmark_accept", "tcp_keepalive_intvl", "tcp_keepalive_probes", "tcp_keepalive_time"),
    *("tcp_max_syn_backlog", "tcp_min_snd_mss", "tcp_mtu_probing", "tcp_no_metrics_save", "tcp_retries1"),
    *("tcp_retries2", "tcp_rfc1337", "tcp_sack", "tcp_slow_start_after_idle", "tcp_syn_retries"),
    *("tcp_synack_retries", "tcp_syncookies", "tcp_timestamps", "tcp_tw_reuse", "tcp_window_scaling"),
)
_CONNTRACK = (
    *("acct", "checksum", "generic_timeout", "icmp_timeout", "log_invalid", "tcp_be_liberal", "tcp_loose"),
    *("tcp_max_retrans", "tcp_timeout_close", "tcp_timeout_close_wait", "tcp_timeout_established"),
    *("tcp_timeout_fin_wait", "tcp_timeout_last_ack", "tcp_timeout_max_retrans", "tcp_timeout_syn_recv"),
    *("tcp_timeout_syn_sent", "tcp_timeout_time_wait", "tcp_timeout_unacknowledged", "udp_timeout"),
    "udp_timeout_stream",
)
OF_PLACES = frozenset(
    (
        *(f"net.ipv4.{name}" for name in _IPV4),
        *(f"net.netfilter.nf_conntrack_{name}" for name in _CONNTRACK),
        "net.bridge.bridge-nf-call-iptables",
        "net.core.somaxconn",
    )
)
"""Of the namespace as a whole."""

_CONF = "net.ipv4.conf."
_NAME = re.compile(r"[a-z][-a-z0-9_]*(?:[./][^\s=]+)+")
_VALUE = re.compile(r"-?[0-9]{1,10}(?:[-,\s]+-?[0-9]{1,10})*")


@dataclass(frozen=True, slots=True)
class SavedSetting:
    """`name` has dots, those of an interface's name too; parts of `value` have one blank between them."""

    name: str
    value: str


def settings(devices: Devices) -> Kind[SavedSetting]:
    """The dump's kind, for a place with these interfaces."""
    return Kind(COMMAND, "settings", lambda entry: _read(entry, devices))


def _read(entry: Entry, devices: Devices) -> SavedSetting:
    if entry.words[0] == "sysctl:":
        raise LeftOutError("sysctl could not read them")
    name, equals, value = entry.text.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not _NAME.fullmatch(name):
        raise DumpError(f"{shown(entry.text, 40)} is no setting", "write it as 'net.ipv4.ip_forward = 1'")
    known = "".join(_known(name, devices))
    if not value and name.endswith("_ports"):
        raise LeftOutError("empty")
    if not _VALUE.fullmatch(value):
        problem = f"{shown(value)} is no value of {name}" if value else f"{name} has no value: the line is cut off"
        raise DumpError(problem, "it is a number, or several")
    return SavedSetting(known, " ".join(value.split()))


def _known(name: str, devices: Devices) -> Iterator[str]:
    """The name as objects have it; sysctl prints a slash where an interface's name has a dot."""
    if name.startswith(("net.ipv6.", "net/ipv6/")):
        raise LeftOutError(IPV6)
    plain = name if "." in name.partition("/")[0] else name.replace("/", ".")
    if plain == FORWARD_TOO:
        yield FORWARD  # the same setting
    elif plain.startswith(_CONF):
        device, _, setting = plain[len(_CONF) :].rpartition(".")
        if setting not in OF_DEVICES:
            raise LeftOutError(OTHERS)
        device = device.replace("/", ".")
        if device not in ("all", "default"):
            devices.require(device)
        yield f"{_CONF}{device}.{setting}"
    elif plain in OF_PLACES:
        yield plain
    else:
        raise LeftOutError(OTHERS)
