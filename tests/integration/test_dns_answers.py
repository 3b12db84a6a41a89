"""dnsmasq, told what a DNS pod and the internet's resolver are told, answers as Kubernetes' DNS does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.kernel.programs import SYSTEM_FOLDERS, find
from lab.network.addressing import assign
from lab.network.dns import cluster_config, resolver_config
from lab.topology.schema import Metadata, Topology

Z = "cluster.local"
SERVICES = (
    Service("shop", "web", "ClusterIP", "172.16.0.80", (ServicePort("http", "TCP", 80, 8080),)),
    Service("shop", "silent", "ClusterIP", "172.16.0.81", (ServicePort("http", "TCP", 80, 8080),)),
    Service("shop", "db", "ClusterIP", "", (ServicePort("sql", "TCP", 5432, 5432),)),
    Service("shop", "gone", "ClusterIP", "", (ServicePort("sql", "TCP", 5432, 5432),)),
    Service("shop", "site", "ExternalName", "", external_name="www.example.com"),
)
SLICES = (
    EndpointSlice("shop", "web-1", "web", (PortEndpoints("http", "TCP", 8080, (Endpoint(address="10.244.0.5"),)),)),
    EndpointSlice(
        "shop",
        "db-1",
        "db",
        (
            PortEndpoints(
                "sql", "TCP", 5432, (Endpoint(address="10.244.0.6", hostname="db-0"), Endpoint(address="10.244.0.7"))
            ),
        ),
    ),
    EndpointSlice(
        "shop", "gone-1", "gone", (PortEndpoints("sql", "TCP", 5432, (Endpoint(address="10.244.0.8", ready=False),)),)
    ),
)
QUESTIONS = [
    # question, status, answers sorted
    (f"web.shop.svc.{Z} A", "NOERROR", ["172.16.0.80"]),
    (f"WEB.Shop.svc.{Z} A", "NOERROR", ["172.16.0.80"]),
    (f"silent.shop.svc.{Z} A", "NOERROR", ["172.16.0.81"]),
    (f"web.shop.svc.{Z} AAAA", "NOERROR", []),
    (f"web.shop.svc.{Z} TXT", "NOERROR", []),
    (f"missing.shop.svc.{Z} A", "NXDOMAIN", []),
    (f"missing.shop.svc.{Z} AAAA", "NXDOMAIN", []),
    (f"web.nowhere.svc.{Z} A", "NXDOMAIN", []),
    (f"svc.{Z} A", "NOERROR", []),
    (f"pod.{Z} A", "NOERROR", []),
    (f"shop.svc.{Z} A", "NOERROR", []),
    (f"empty.svc.{Z} A", "NOERROR", []),
    (f"nowhere.svc.{Z} A", "NXDOMAIN", []),
    (f"foo.{Z} A", "NXDOMAIN", []),
    (f"_http._tcp.web.shop.svc.{Z} SRV", "NOERROR", [f"0 100 80 web.shop.svc.{Z}."]),
    (f"db.shop.svc.{Z} A", "NOERROR", ["10.244.0.6", "10.244.0.7"]),
    (f"gone.shop.svc.{Z} A", "NXDOMAIN", []),
    (f"db-0.db.shop.svc.{Z} A", "NOERROR", ["10.244.0.6"]),
    (f"10-244-0-7.db.shop.svc.{Z} A", "NOERROR", ["10.244.0.7"]),
    (
        f"_sql._tcp.db.shop.svc.{Z} SRV",
        "NOERROR",
        [f"0 50 5432 10-244-0-7.db.shop.svc.{Z}.", f"0 50 5432 db-0.db.shop.svc.{Z}."],
    ),
    ("172.16.0.80 PTR", "NOERROR", [f"web.shop.svc.{Z}."]),
    ("10.244.0.5 PTR", "NOERROR", [f"10-244-0-5.web.shop.svc.{Z}."]),
    ("10.244.0.6 PTR", "NOERROR", [f"db-0.db.shop.svc.{Z}."]),
    (f"10-244-0-99.shop.pod.{Z} A", "NOERROR", ["10.244.0.99"]),
    (f"10-244-0-99.shop.pod.{Z} AAAA", "NOERROR", []),
    (f"10-244-0-99.nowhere.pod.{Z} A", "NXDOMAIN", []),
    (f"dns-version.{Z} TXT", "NOERROR", ['"1.1.0"']),
    (f"site.shop.svc.{Z} A", "NOERROR", ["203.0.113.80", "www.example.com."]),
    ("www.example.com A", "NOERROR", ["203.0.113.80"]),
    ("www.example.com AAAA", "NOERROR", []),
    ("missing.example.com A", "NXDOMAIN", []),
    (f"www.example.com.shop.svc.{Z} A", "NXDOMAIN", []),
]

# The resolver's address is put on the sandbox's own loopback, beside 127.0.0.1 where the cluster's server listens.
SCRIPT = """\
ip link set lo up
ip address add 203.0.113.53/32 dev lo
dnsmasq --no-daemon --conf-file=$FOLDER/outside.conf 2>$FOLDER/outside.log &
dnsmasq --no-daemon --conf-file=$FOLDER/cluster.conf --listen-address=127.0.0.1 --bind-interfaces \
    2>$FOLDER/cluster.log &
exec "$PYTHON" -c "$CLIENT"
"""
# Asks until both servers are up, then every question of standard input; a JSON list of [question, status, answers].
CLIENT = """\
import dns.message, dns.query, dns.rcode, dns.resolver, dns.reversename, json, sys, time
resolver = dns.resolver.Resolver(configure=False)
deadline = time.monotonic() + 20
for server in ("203.0.113.53", "127.0.0.1"):
    resolver.nameservers, resolver.lifetime = [server], 0.2
    while True:
        try:
            resolver.resolve("www.example.com.", "A")
            break
        except dns.exception.Timeout:
            assert time.monotonic() < deadline, server
        except dns.resolver.NoNameservers:
            assert time.monotonic() < deadline, server
found = []
for question in map(str.strip, sys.stdin):
    name, kind = question.split()
    full = dns.reversename.from_address(name) if kind == "PTR" else name + "."
    reply = dns.query.udp(dns.message.make_query(full, kind), "127.0.0.1", timeout=5)
    records = [record.to_text() for answers in reply.answer for record in answers]
    found.append([question, dns.rcode.to_text(reply.rcode()), sorted(records)])
print(json.dumps(found))
"""

pytestmark = pytest.mark.skipif(not find("dnsmasq"), reason="this machine has no dnsmasq")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, list[str]]]:
    """Status and answers of every question, asked of real servers in a sandbox."""
    folder = tmp_path_factory.mktemp("dns")
    folder.chmod(0o755)
    topology = Topology(metadata=Metadata(name="test"))
    cluster = Cluster(("node-0", "node-1"), ("shop", "empty"), services=SERVICES, slices=SLICES)
    addresses = assign(topology, cluster)
    (folder / "cluster.conf").write_text(cluster_config(topology, cluster, addresses))
    (folder / "outside.conf").write_text(resolver_config(topology.spec.internet.names, addresses))
    questions = "".join(f"{question}\n" for question, _, _ in QUESTIONS)
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS))
    environment = {
        **os.environ,
        "PATH": path,
        "FOLDER": str(folder),
        "PYTHON": sys.executable,
        "CLIENT": CLIENT,
    }
    command = ["unshare", "-Urnmpf", "--mount-proc", "--kill-child", "sh", "-c", SCRIPT]
    done = subprocess.run(
        command, input=questions, capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert done.returncode == 0, f"{done.stderr}{logs(folder)}"
    return {question: (status, records) for question, status, records in json.loads(done.stdout)}


def logs(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.glob("*.log")))


@pytest.mark.parametrize(("question", "status", "expected"), QUESTIONS, ids=[question for question, _, _ in QUESTIONS])
def test_a_question_is_answered_as_kubernetes_dns_does(
    answers: dict[str, tuple[str, list[str]]], question: str, status: str, expected: list[str]
) -> None:
    assert answers[question] == (status, expected)
