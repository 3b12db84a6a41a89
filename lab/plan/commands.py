"""Each step as the lines a person would type: iproute2, sysctl, ipset, iptables-restore, cat, the program itself."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

from lab.network.dns.oci import signal_command
from lab.network.objects import (
    Address,
    FdbEntry,
    File,
    Interface,
    IpSet,
    Listener,
    Namespace,
    Neighbour,
    Offload,
    Process,
    Qdisc,
    RealServer,
    Route,
    RoutingRule,
    Symlink,
    Sysctl,
    VirtualServer,
    WireguardDevice,
    WireguardPeer,
)
from lab.network.objects.ipvs_text import removal_line, server_line
from lab.network.place_names import UNDERLAY, netns_name
from lab.plan.nft_input import transactions
from lab.plan.restore import restore_input
from lab.plan.steps import Action, AnyStep, NftStep, RuleStep


def commands(step: AnyStep) -> str:
    """The shell lines that do what the step does; pasted into a shell in an empty sandbox they have the same effect."""
    if isinstance(step, RuleStep):
        return f"{_exec(step.place)}iptables-restore --noflush <<'EOF'\n{restore_input(step.changes)}EOF"
    if isinstance(step, NftStep):
        needed = transactions(step.changes)
        texts = (*needed.changes, *needed.removals)
        return "\n".join(f"{_exec(step.place)}nft -f - <<'EOF'\n{text}EOF" for text in texts)
    if step.action == "change" and isinstance(step.object, Process) and isinstance(step.before, Process):
        return _changed_process(step.object, step.before)
    if step.action == "change" and isinstance(step.object, IpSet) and isinstance(step.before, IpSet):
        return _restored(step.object, step.before)
    return _WRITERS[type(step.object)](step.object, step.action)


def _ip(place: str) -> str:
    return "ip" if place == UNDERLAY else f"ip -n {netns_name(place)}"


def _bridge(place: str) -> str:
    return "bridge" if place == UNDERLAY else f"bridge -n {netns_name(place)}"


def _exec(place: str) -> str:
    return "" if place == UNDERLAY else f"ip netns exec {netns_name(place)} "


def _namespace(item: Namespace, action: Action) -> str:
    name = netns_name(item.place)
    if action == "remove":
        return f"ip netns del {name}"
    return f"ip netns add {name} && ip -n {name} link set lo up"


def _interface(item: Interface, action: Action) -> str:
    ip = _ip(item.place)
    if action == "remove":
        return f"{ip} link del {item.name}"
    lines = []
    set_ = f"{ip} link set {item.name}"
    address = f" address {item.mac}" if item.mac else ""
    if action == "add" and item.primary:
        # A bridge that is born with an MTU gives it up with its last port; one that is told later keeps it.
        mtu = f" mtu {item.mtu}"
        set_ += mtu if item.kind == "bridge" else ""
        first_mtu = "" if item.kind == "bridge" else mtu
        made = f"{ip} link add {item.name}{address}{first_mtu} type {item.kind}{_details(item)}"
        # tunl0 comes with the ipip module by itself.
        lines.append(f"{made} || true" if item.kind == "ipip" else made)
        if not item.up:
            return made
    else:
        set_ += f"{address} mtu {item.mtu}"
    if item.master:
        set_ += f" master {item.master}"
    elif action == "change":
        set_ += " nomaster"
    lines.append(f"{set_} {'up' if item.up else 'down'}")
    if item.hairpin or (action == "change" and item.master):
        lines.append(f"{_bridge(item.place)} link set dev {item.name} hairpin {'on' if item.hairpin else 'off'}")
    return "\n".join(lines)


def _details(item: Interface) -> str:
    if item.kind == "veth":
        return f" peer name {item.peer_name} netns {netns_name(item.peer_place)}"
    if item.vxlan:
        tunnel = item.vxlan
        learning = "" if tunnel.learning else " nolearning"
        df = "" if tunnel.df == "unset" else f" df {tunnel.df}"
        return f" id {tunnel.vni} local {tunnel.local} dev {tunnel.device} dstport {tunnel.port}{learning}{df}"
    return ""


def _sysctl(item: Sysctl, _action: Action) -> str:
    return f"{_exec(item.place)}sysctl -qw {shlex.quote(f'{sysctl_path(item.name)}={item.value}')}"


def _offload(item: Offload, action: Action) -> str:
    state = "on" if action == "remove" else "off"
    received = "" if action == "remove" else " gro off"  # a veth puts nothing together unless it is told to
    return f"{_exec(item.place)}ethtool -K {item.device} tso {state} gso {state}{received}"


def _qdisc(item: Qdisc, action: Action) -> str:
    """A change is made anew: of what `tc qdisc change` is not told it keeps."""
    tc = f"{_exec(item.place)}tc qdisc"
    removed = f"{tc} del dev {item.device} root"
    if action == "remove":
        return removed
    added = f"{tc} add dev {item.device} root {item.words}"
    return added if action == "add" else f"{removed}\n{added}"


def sysctl_path(name: str) -> str:
    """The name with slashes, so that the dots of a device's name (vxlan.calico) stay what they are."""
    for family in ("net.ipv4.conf.", "net.ipv6.conf.", "net.ipv4.neigh."):
        if name.startswith(family):
            device, _, setting = name[len(family) :].rpartition(".")
            return f"{family.replace('.', '/')}{device}/{setting}"
    return name.replace(".", "/")


def sysctl_name(name: str) -> str:
    """As sysctl(8) takes it: with dots, or with slashes where a device has dots in its name."""
    path = sysctl_path(name)
    return path if "." in path else path.replace("/", ".")


def _address(item: Address, action: Action) -> str:
    return f"{_ip(item.place)} addr {'del' if action == 'remove' else 'add'} {item.address} dev {item.device}"


def _route(item: Route, action: Action) -> str:
    verb = {"add": "add", "change": "replace", "remove": "del"}[action]
    words = [_ip(item.place), "route", verb]
    if item.type != "unicast":
        words.append(item.type)
    words.append(item.destination)
    words += ["via", item.via] if item.via else []
    words += ["dev", item.device] if item.device else []
    words += ["proto", item.proto] if item.proto != "boot" else []
    words += ["scope", item.scope] if item.scope != "global" else []
    words += ["src", item.src] if item.src else []
    words += ["metric", str(item.metric)] if item.metric else []
    words += ["mtu", str(item.mtu)] if item.mtu else []
    words += ["onlink"] if item.onlink else []
    words += ["table", item.table] if item.table else []
    words += [hop.words for hop in item.hops]
    return " ".join(words)


def _rule(item: RoutingRule, action: Action) -> str:
    return f"{_ip(item.place)} rule {'del' if action == 'remove' else 'add'} pref {item.priority} {item.selector}"


def _wireguard(item: WireguardDevice, _action: Action) -> str:
    """Only from a file does wg take a private key."""
    mark = f"{item.mark:#x}" if item.mark else "off"
    told = f"wg set {item.device} private-key /dev/stdin listen-port {item.port} fwmark {mark}"
    return f"{_exec(item.place)}sh -c 'echo {item.private_key} | {told}'"


def _peer(item: WireguardPeer, action: Action) -> str:
    where = f"{_exec(item.place)}wg set {item.device} peer {item.public_key}"
    if action == "remove":
        return f"{where} remove"
    nothing_else = " preshared-key /dev/null" if action == "change" else ""
    return f"{where}{nothing_else} endpoint {item.endpoint} allowed-ips {','.join(item.allowed)}"


def _neighbour(item: Neighbour, action: Action) -> str:
    if action == "remove":
        return f"{_ip(item.place)} neigh del {item.address} dev {item.device}"
    return f"{_ip(item.place)} neigh replace {item.address} lladdr {item.mac} dev {item.device} nud permanent"


def _fdb(item: FdbEntry, action: Action) -> str:
    verb = {"add": "add", "change": "replace", "remove": "del"}[action]
    kind = "" if action == "remove" else " permanent"
    return f"{_bridge(item.place)} fdb {verb} {item.mac} dev {item.device} dst {item.remote} self{kind}"


def _ipset(item: IpSet, action: Action) -> str:
    if action == "remove":
        return f"{_exec(item.place)}ipset destroy {item.name}"
    return _restored(item, None)


def _restored(item: IpSet, before: IpSet | None) -> str:
    return f"{_exec(item.place)}ipset restore <<'EOF'\n{ipset_input(item, before)}EOF"


def _balanced(item: VirtualServer | RealServer, action: Action) -> str:
    words = removal_line(item) if action == "remove" else server_line(item, change=action == "change")
    return f"{_exec(item.place)}ipvsadm {words}"


def ipset_input(item: IpSet, before: IpSet | None = None) -> str:
    """The input of `ipset restore` that makes the set hold its members and no others; what it held `before`, and is to
    hold, it never lacks.
    """
    if before is not None and before.type == item.type:
        have, want = {*before.members}, {*item.members}
        come = (f"add {item.name} {member}\n" for member in item.members if member not in have)
        go = (f"del {item.name} {member}\n" for member in before.members if member not in want)
        return "".join((*come, *go))
    head = f"create {item.name} {item.type} -exist\nflush {item.name}\n"
    return head + "".join(f"add {item.name} {member}\n" for member in item.members)


def _file(item: File, action: Action) -> str:
    path = shlex.quote(item.path)
    if action == "remove":
        return f"rm {path}"
    folder = shlex.quote(item.path.rpartition("/")[0])
    if not item.content.endswith("\n"):
        return f"mkdir -p {folder} && printf %s {shlex.quote(item.content)} > {path}"
    return f"mkdir -p {folder} && cat > {path} <<'EOF'\n{item.content}EOF"


def _symlink(item: Symlink, action: Action) -> str:
    path = shlex.quote(item.path)
    if action == "remove":
        return f"rm {path}"
    folder = shlex.quote(item.path.rpartition("/")[0])
    return f"mkdir -p {folder} && ln -sfn {shlex.quote(item.target)} {path}"


def _listener(item: Listener, action: Action) -> str:
    end = f"{item.protocol}/{item.address}{':' if item.address else ''}{item.port}"
    if action == "remove":
        return f"# the built-in server stops listening on {end} in {item.place}"
    reply = item.reply
    if reply and action == "change":
        return f"# the built-in server answers {reply.status} on {end} in {item.place}: {' '.join(reply.body.split())}"
    said = f"--reply {shlex.quote(json.dumps([reply.status, reply.headers, reply.body]))} " if reply else ""
    return f"{_exec(item.place)}python3 -m lab.kernel.programs.echo --name {shlex.quote(item.name)} {said}{end} &"


def _changed_process(item: Process, before: Process) -> str:
    if not item.differs_in_reload_only(before):
        return _process(item, "change")
    told = f"# {item.name} in {item.place} reads its configuration again"
    return f"{told}\n{shlex.join(signal_command(item.place, item.reload_signal))}" if item.container else told


def _process(item: Process, action: Action) -> str:
    if action == "remove":
        return f"# {item.name} in {item.place} is ended by its process id"
    # The OCI runtime enters the place's namespace itself; `ip netns exec` would hide the cgroups from it.
    where = "" if item.container else _exec(item.place)
    before = f"# the {item.name} that runs in {item.place} is ended by its process id\n" if action == "change" else ""
    given = f"env {shlex.join(item.environment)} " if item.environment else ""
    return f"{before}{where}{given}{shlex.join(item.argv)} >/dev/null 2>&1 &"


_WRITERS: dict[type, Callable[[Any, Action], str]] = {
    Namespace: _namespace,
    Interface: _interface,
    Sysctl: _sysctl,
    Offload: _offload,
    Qdisc: _qdisc,
    Address: _address,
    Route: _route,
    RoutingRule: _rule,
    Neighbour: _neighbour,
    FdbEntry: _fdb,
    WireguardDevice: _wireguard,
    WireguardPeer: _peer,
    IpSet: _ipset,
    VirtualServer: _balanced,
    RealServer: _balanced,
    File: _file,
    Symlink: _symlink,
    Listener: _listener,
    Process: _process,
}
