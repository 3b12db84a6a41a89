"""Run by the Python that has Mininet: makes N hosts, each linked to one that plays the node, and says how long it took.

Address /32 and the two routes of Calico's pods, as in floor.c; no switch and no controller: the lab has none either.
"""

from __future__ import annotations

import json
import os
import sys
import time

from mininet.net import Mininet  # type: ignore[import-not-found]  # the environment has none, the system may


def main(hosts: int) -> None:
    began = time.monotonic()
    network = Mininet(controller=None, build=False)
    node = network.addHost("node")
    for number in range(hosts):
        high, low = divmod(number + 2, 256)
        name = f"h{number}"
        pod = network.addHost(name, ip=f"10.244.{high}.{low}/32")
        network.addLink(pod, node, intfName2=f"cali{number}")
        pod.cmd(f"ip route add 169.254.1.1 dev {name}-eth0; ip route add default via 169.254.1.1 dev {name}-eth0")
    network.build()
    spent = (time.monotonic() - began) * 1000
    sys.stdout.write(json.dumps({"hosts": hosts, "ms": round(spent, 1)}) + "\n")
    sys.stdout.flush()
    # Taking it down is the kernel's, when this process's namespaces end.
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
