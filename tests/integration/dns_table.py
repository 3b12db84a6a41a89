"""What Kubernetes' DNS answers, row by row, and the cluster about which it is asked.

    client ── node-2 ══ router ══ node-0, node-1 ── dns-0, dns-1
             subnet-b            subnet-a

The client asks the kube-dns Service from the other subnet: each question takes rules, a tunnel and the way back.
Source: Kubernetes DNS-based service discovery 1.1.0; CoreDNS's kubernetes plugin for what that leaves open.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

from tests.integration.labs import Lab

Z = "cluster.local"
CLIENT = "shop/client"
TTL = 30

TOPOLOGY = """\
apiVersion: hoplab/v1
kind: Topology
metadata: {name: names}
spec:
  subnets: [{name: subnet-a, cidr: 10.0.1.0/24}, {name: subnet-b, cidr: 10.0.2.0/24}]
  nodes: [{name: node-0, subnet: subnet-a}, {name: node-1, subnet: subnet-a}, {name: node-2, subnet: subnet-b}]
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: empty}}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop}
spec: {nodeName: node-2, containers: [{name: main, image: echo}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
spec: {nodeName: node-1, containers: [{name: main, image: echo}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web, track: canary}}
spec: {nodeName: node-2, containers: [{name: main, image: echo}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: shop, labels: {app: db}}
spec: {nodeName: node-0, hostname: db-0, subdomain: db, containers: [{name: main, image: echo}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db-1, namespace: shop, labels: {app: db}}
spec: {nodeName: node-2, containers: [{name: main, image: echo}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ill, namespace: shop, labels: {app: ill}, annotations: {hoplab.io/ready: "false"}}
spec: {nodeName: node-1, containers: [{name: main, image: echo}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 172.16.0.80
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: echo, port: 7, protocol: UDP, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: silent, namespace: shop}
spec: {clusterIP: 172.16.0.81, selector: {app: ill}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: shadow, namespace: shop}
spec: {clusterIP: 172.16.0.82, selector: {track: canary}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: sql, port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: gone, namespace: shop}
spec: {clusterIP: None, selector: {app: ill}, ports: [{name: sql, port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: old, namespace: shop}
spec: {clusterIP: None, ports: [{name: ldap, port: 389}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: old-1, namespace: shop, labels: {kubernetes.io/service-name: old}}
addressType: IPv4
ports: [{name: ldap, port: 389}]
endpoints: [{addresses: [203.0.113.80]}]
---
apiVersion: v1
kind: Service
metadata: {name: site, namespace: shop}
spec: {type: ExternalName, externalName: www.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: shop}
spec: {type: ExternalName, externalName: web.shop.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: far, namespace: shop}
spec: {type: ExternalName, externalName: missing.example.com}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A question and what Kubernetes' DNS answers. `{web-0}` stands for that pod's address, `{web_0}` for it with
    dashes.

    `beyond_dnsmasq` says why dnsmasq cannot answer so; "" where it can.
    """

    question: str
    status: str
    answers: tuple[str, ...] = ()
    additional: tuple[str, ...] = ()
    beyond_dnsmasq: str = ""

    @property
    def negative(self) -> bool:
        """Whether an SOA of the zone must come with it."""
        return not self.answers


ROWS = (
    # A Service's name: its ClusterIP, endpoints or not; the case does not matter.
    Row(f"web.shop.svc.{Z} A", "NOERROR", ("172.16.0.80",)),
    Row(f"WEB.Shop.svc.{Z.upper()} A", "NOERROR", ("172.16.0.80",)),
    Row(f"silent.shop.svc.{Z} A", "NOERROR", ("172.16.0.81",)),
    # A type that it has not is no data; what is not there is not there for any type.
    Row(f"web.shop.svc.{Z} AAAA", "NOERROR"),
    Row(f"web.shop.svc.{Z} TXT", "NOERROR"),
    Row(f"missing.shop.svc.{Z} A", "NXDOMAIN"),
    Row(f"missing.shop.svc.{Z} AAAA", "NXDOMAIN"),
    Row(f"web.nowhere.svc.{Z} A", "NXDOMAIN"),
    Row(f"svc.{Z} A", "NOERROR"),
    Row(f"pod.{Z} A", "NOERROR"),
    Row(f"shop.svc.{Z} A", "NOERROR"),
    Row(f"empty.svc.{Z} A", "NOERROR"),
    Row(f"nowhere.svc.{Z} A", "NXDOMAIN"),
    Row(f"foo.{Z} A", "NXDOMAIN"),
    Row(f"foo.svc.{Z} A", "NXDOMAIN"),
    # Named ports.
    Row(
        f"_http._tcp.web.shop.svc.{Z} SRV",
        "NOERROR",
        (f"0 100 80 web.shop.svc.{Z}.",),
        (f"web.shop.svc.{Z}. 172.16.0.80",),
    ),
    Row(
        f"_echo._udp.web.shop.svc.{Z} SRV",
        "NOERROR",
        (f"0 100 7 web.shop.svc.{Z}.",),
        (f"web.shop.svc.{Z}. 172.16.0.80",),
    ),
    Row(f"_http._udp.web.shop.svc.{Z} SRV", "NXDOMAIN"),
    Row(f"_ftp._tcp.web.shop.svc.{Z} SRV", "NXDOMAIN"),
    # Headless: the ready endpoints, each by its hostname or its address with dashes.
    Row(f"db.shop.svc.{Z} A", "NOERROR", ("{db-0}", "{db-1}")),
    Row(f"db.shop.svc.{Z} AAAA", "NOERROR"),
    Row(f"gone.shop.svc.{Z} A", "NXDOMAIN"),
    Row(f"old.shop.svc.{Z} A", "NOERROR", ("203.0.113.80",)),
    Row(f"db-0.db.shop.svc.{Z} A", "NOERROR", ("{db-0}",)),
    Row(f"{{db_1}}.db.shop.svc.{Z} A", "NOERROR", ("{db-1}",)),
    Row(f"{{web_0}}.web.shop.svc.{Z} A", "NOERROR", ("{web-0}",)),
    Row(f"203-0-113-80.old.shop.svc.{Z} A", "NOERROR", ("203.0.113.80",)),
    Row(f"10-244-9-9.db.shop.svc.{Z} A", "NXDOMAIN"),
    Row(
        f"_sql._tcp.db.shop.svc.{Z} SRV",
        "NOERROR",
        (f"0 50 5432 {{db_1}}.db.shop.svc.{Z}.", f"0 50 5432 db-0.db.shop.svc.{Z}."),
        (f"{{db_1}}.db.shop.svc.{Z}. {{db-1}}", f"db-0.db.shop.svc.{Z}. {{db-0}}"),
    ),
    # Aliases, to a name outside, to one inside, and to one that nobody knows.
    Row(f"site.shop.svc.{Z} A", "NOERROR", ("www.example.com.", "203.0.113.80")),
    Row(f"alias.shop.svc.{Z} A", "NOERROR", (f"web.shop.svc.{Z}.", "172.16.0.80")),
    Row(f"far.shop.svc.{Z} A", "NOERROR", ("missing.example.com.",)),
    # Addresses back to names.
    Row("172.16.0.80 PTR", "NOERROR", (f"web.shop.svc.{Z}.",)),
    Row("{web-0} PTR", "NOERROR", (f"{{web_0}}.web.shop.svc.{Z}.",)),
    Row("{db-0} PTR", "NOERROR", (f"db-0.db.shop.svc.{Z}.",)),
    Row(
        "{web-1} PTR",
        "NOERROR",
        (f"{{web_1}}.web.shop.svc.{Z}.", f"{{web_1}}.shadow.shop.svc.{Z}."),
        beyond_dnsmasq="it gives one name for an address",
    ),
    # Pods' own names (pods insecure): any address, in any namespace that exists.
    Row(f"10-244-0-99.shop.pod.{Z} A", "NOERROR", ("10.244.0.99",)),
    Row(f"10-244-0-99.shop.pod.{Z} AAAA", "NOERROR"),
    Row(f"10-244-0-99.nowhere.pod.{Z} A", "NXDOMAIN"),
    Row(
        f"192-0-2-1.shop.pod.{Z} A",
        "NOERROR",
        ("192.0.2.1",),
        beyond_dnsmasq="it makes such names for the pods' prefix only",
    ),
    Row(f"dns-version.{Z} TXT", "NOERROR", ('"1.1.0"',)),
    # The rest of the world is the resolver's to know, and a search path's guesses are not.
    Row("www.example.com A", "NOERROR", ("203.0.113.80",)),
    Row(f"www.example.com.shop.svc.{Z} A", "NXDOMAIN"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: records as text in the answer's order, additional addresses as `NAME ADDRESS`, who signs for
    the zone in the authority section, and the TTLs of the answers.
    """

    status: str
    answers: tuple[str, ...]
    additional: tuple[str, ...]
    authority: tuple[str, ...]
    ttls: tuple[int, ...]


# Asks the server that /etc/resolv.conf names every question of standard input.
_CLIENT = """\
import dns.message, dns.query, dns.rcode, dns.rdatatype, dns.resolver, dns.reversename, json, sys
server = dns.resolver.Resolver().nameservers[0]
found = []
for question in map(str.strip, sys.stdin):
    name, kind = question.split()
    full = dns.reversename.from_address(name) if kind == "PTR" else name + "."
    # A lost packet is no wrong answer: three attempts, as every resolver makes.
    for attempt in range(3):
        try:
            reply = dns.query.udp(dns.message.make_query(full, kind), server, timeout=2)
            break
        except dns.exception.Timeout:
            if attempt == 2:
                raise SystemExit(f"no answer to {question}")
    address = dns.rdatatype.A
    found.append({
        "status": dns.rcode.to_text(reply.rcode()),
        "answers": [record.to_text() for records in reply.answer for record in records],
        "additional": [f"{r.name} {a}" for r in reply.additional if r.rdtype == address for a in r],
        "authority": [f"{r.name} {dns.rdatatype.to_text(r.rdtype)}" for r in reply.authority],
        "ttls": [records.ttl for records in reply.answer],
    })
print(json.dumps(found))
"""


SHARED = ("--share", sys.prefix)


def ask(lab: Lab, questions: list[str], client: str = CLIENT) -> list[Answer]:
    """The answers to these questions, asked inside the client's pod of the server in its resolv.conf.

    The lab shares the environment that has the client's libraries (SHARED).
    """
    given = "".join(f"{question}\n" for question in questions)
    told = json.loads(lab.exec_(client, sys.executable, "-c", _CLIENT, given=given).ok())
    return [
        Answer(
            one["status"],
            tuple(one["answers"]),
            tuple(sorted(one["additional"])),
            tuple(one["authority"]),
            tuple(one["ttls"]),
        )
        for one in told
    ]


def with_addresses(lab: Lab) -> list[Row]:
    """The rows, with the pods' addresses in this lab in place."""
    pods = {
        place["name"].partition("/")[2]: place["links"][0]["addresses"][0].partition("/")[0]
        for place in lab.map()["places"]
        if place["kind"] == "pod" and place["name"].startswith("shop/")
    }
    words = {f"{{{name}}}": address for name, address in pods.items()}
    words |= {f"{{{name.replace('-', '_')}}}": address.replace(".", "-") for name, address in pods.items()}

    def filled(text: str) -> str:
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    return [
        Row(
            filled(row.question),
            row.status,
            tuple(map(filled, row.answers)),
            tuple(map(filled, row.additional)),
            row.beyond_dnsmasq,
        )
        for row in ROWS
    ]


def differences(rows: list[Row], answers: list[Answer], soa: bool) -> list[str]:
    """What is not as the table says, a line for each row that is wrong. `soa`: a negative answer must carry one."""
    told = []
    for row, answer in zip(rows, answers, strict=True):
        wanted = (
            row.status,
            sorted(row.answers),
            sorted(row.additional),
            (f"{Z}. SOA",) if soa and row.negative else (),
        )
        found = (answer.status, sorted(answer.answers), sorted(answer.additional), answer.authority)
        if found != wanted:
            told.append(f"{row.question}: {found}, should be {wanted}")
        elif answer.answers and row.answers[0].endswith(".com.") and answer.answers[0] != row.answers[0]:
            told.append(f"{row.question}: the alias must come before its target's address: {answer.answers}")
        elif row.question.partition(" ")[0].endswith(f".{Z}") and {*answer.ttls} - {TTL}:
            told.append(f"{row.question}: holds for {answer.ttls} s, should for {TTL}")
    return told
