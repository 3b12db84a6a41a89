"""Programs that people look for in a place, and the package that has each, per family of distributions.

The lab itself needs none of them; what it needs is in `programs`. Sources: the packages' file lists of Debian 12,
Fedora 41 and Arch.
"""

from __future__ import annotations

import shlex

from lab.kernel.host import packages as programs

# Programs: the packages of Debian (and Ubuntu), Fedora, Arch.
_PACKAGES = {
    ("ping",): ("iputils-ping", "iputils", "iputils"),
    ("arping",): ("iputils-arping", "iputils", "iputils"),
    ("tracepath",): ("iputils-tracepath", "iputils", "iputils"),
    ("traceroute",): ("traceroute", "traceroute", "traceroute"),
    ("mtr",): ("mtr-tiny", "mtr", "mtr"),
    ("dig", "nslookup", "host"): ("bind9-dnsutils", "bind-utils", "bind"),
    ("conntrack",): ("conntrack", "conntrack-tools", "conntrack-tools"),
    ("nc", "netcat"): ("netcat-openbsd", "netcat", "openbsd-netcat"),
    ("ncat",): ("ncat", "nmap-ncat", "nmap"),
    ("nmap",): ("nmap", "nmap", "nmap"),
    ("socat",): ("socat", "socat", "socat"),
    ("telnet",): ("inetutils-telnet", "telnet", "inetutils"),
    ("wget",): ("wget", "wget", "wget"),
    ("iperf3",): ("iperf3", "iperf3", "iperf3"),
    ("ethtool",): ("ethtool", "ethtool", "ethtool"),
    ("tc",): ("iproute2", "iproute-tc", "iproute2"),
    ("ss", "bridge"): ("iproute2", "iproute", "iproute2"),
    ("ifconfig", "netstat", "route", "arp"): ("net-tools", "net-tools", "net-tools"),
    ("brctl",): ("bridge-utils", "bridge-utils", "bridge-utils"),
    ("ipvsadm",): ("ipvsadm", "ipvsadm", "ipvsadm"),
    ("wg",): ("wireguard-tools", "wireguard-tools", "wireguard-tools"),
    ("iptables-save", "iptables-restore", "ip6tables"): ("iptables", "iptables-nft", "iptables"),
    ("tshark",): ("tshark", "wireshark-cli", "wireshark-cli"),
    ("strace",): ("strace", "strace", "strace"),
    ("lsof",): ("lsof", "lsof", "lsof"),
    ("jq",): ("jq", "jq", "jq"),
    ("ps", "top", "sysctl", "watch"): ("procps", "procps-ng", "procps-ng"),
}
_FAMILIES = ("debian", "fedora", "arch")


def packages(family: str | None) -> dict[str, str]:
    """By the program's name, the package that has it; nothing for a distribution that we do not know."""
    if family not in _FAMILIES:
        return {}
    known = {one.name: one.packages[family] for one in programs.PROGRAMS}
    column = _FAMILIES.index(family)
    return known | {name: each[column] for names, each in _PACKAGES.items() for name in names}


def how_to_get(program: str, family: str | None, *, root: bool) -> str:
    """The line that installs the program, to be pasted; "" if nobody here knows which one does."""
    package = packages(family).get(program)
    return f"{'' if root else 'sudo '}{programs.INSTALLERS[family]} {package}" if family and package else ""


def missing(program: str, hint: str) -> str:
    """What the person reads who asked for a program that is not there: it is this machine's, whatever the place is."""
    told = f"hoplab: {program}: not found on this machine\n"
    return f"{told}hint: {hint}\n" if hint else told


def handler(family: str | None, *, root: bool) -> dict[str, str]:
    """For the environment of a bash: it says what a program's package is when there is no such program."""
    cases = " ".join(
        f"{shlex.quote(name)}) hint={shlex.quote(how_to_get(name, family, root=root))};;"
        for name in sorted(packages(family))
    )
    body = f'local hint=; case $1 in {cases} esac; printf "hoplab: %s: not found on this machine\\n" "$1" >&2'
    told = '[ -z "$hint" ] || printf "hint: %s\\n" "$hint" >&2; return 127'
    return {"BASH_FUNC_command_not_found_handle%%": f"() {{ {body}; {told}; }}"}
