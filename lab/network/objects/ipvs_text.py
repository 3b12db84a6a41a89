"""Virtual and real servers as `ipvsadm` takes them, and `ipvsadm -Sn` prints them."""

from __future__ import annotations

from lab.network.objects.ipvs import RealServer, VirtualServer

_OPTION = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}


def server_line(item: VirtualServer | RealServer, *, change: bool = False) -> str:
    """The words after `ipvsadm`, or a line of `ipvsadm-restore`, that make it, or change the one that is there."""
    if isinstance(item, RealServer):
        return f"-{'e' if change else 'a'} {_at(item)} -r {item.endpoint} -m -w {item.weight}"
    persistent = f" -p {item.persistence}" if item.persistence else ""
    flags = " -b mh-port" if item.scheduler == "mh" else ""
    return f"-{'E' if change else 'A'} {_at(item)} -s {item.scheduler}{persistent}{flags}"


def removal_line(item: VirtualServer | RealServer) -> str:
    """The words after `ipvsadm` that take it away; a virtual server takes its real servers with it."""
    return f"-d {_at(item)} -r {item.endpoint}" if isinstance(item, RealServer) else f"-D {_at(item)}"


def _at(item: VirtualServer | RealServer) -> str:
    return f"{_OPTION.get(item.protocol, '-t')} {item.address}:{item.port}"
