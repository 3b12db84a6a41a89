"""The settings of a node that follow from kube-proxy's mode and options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.network.objects import Sysctl

if TYPE_CHECKING:
    from lab.network.kubeproxy.options import ProxyOptions


def route_localnet(node: str, proxy: str, options: ProxyOptions) -> Sysctl:
    """Whether what comes from 127.0.0.0/8 may leave: with it, in iptables mode, node ports answer on 127.0.0.1.

    Source: kube-proxy, which sets it unless told to leave localhost alone.
    """
    on = proxy == "iptables" and options.serves_localhost
    intent = "node ports answer on 127.0.0.1" if on else "127.0.0.0/8 stays on the node"
    return Sysctl(node, "net.ipv4.conf.all.route_localnet", "1" if on else "0", intent)
