"""Whom a pod asks for names and what it is called, as kubelet has it."""

from __future__ import annotations

import pytest

from lab.cluster.objects import HostAlias, Pod, PodDns
from lab.network.dns.pod_names import host_name, hosts, hosts_text, resolver, troubles
from lab.network.dns.resolver import Resolver

DOMAIN = "cluster.local"
DNS = ("172.16.0.10",)
NODE = Resolver(("203.0.113.53",))
SEARCH = ("ns.svc.cluster.local", "svc.cluster.local", "cluster.local")
CLUSTER = Resolver(DNS, SEARCH, ("ndots:5",))


def pod(dns: PodDns = PodDns(), **fields: object) -> Pod:  # noqa: B008  frozen
    return Pod("ns", "pod-0", "node-0", dns=dns, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (pod(), CLUSTER),
        (pod(PodDns("ClusterFirstWithHostNet")), CLUSTER),
        (pod(PodDns("ClusterFirstWithHostNet"), host_network=True), CLUSTER),
        (pod(host_network=True), NODE),
        (pod(PodDns("Default")), NODE),
        (pod(PodDns("None", ("10.0.0.1",))), Resolver(("10.0.0.1",))),
        (
            pod(PodDns("ClusterFirst", ("10.0.0.1", *DNS), ("example.com", "svc.cluster.local"), (("ndots", "2"),))),
            Resolver((*DNS, "10.0.0.1"), (*SEARCH, "example.com"), ("ndots:2",)),
        ),
        (
            pod(PodDns("Default", options=(("edns0", ""), ("timeout", "1")))),
            Resolver(NODE.nameservers, (), ("edns0", "timeout:1")),
        ),
    ],
)
def test_each_policy_and_what_the_pod_adds(one: Pod, expected: Resolver) -> None:
    assert resolver(one, DOMAIN, DNS, NODE) == expected


def test_without_a_cluster_dns_a_pod_asks_as_its_node() -> None:
    assert resolver(pod(), DOMAIN, (), NODE) == NODE


def test_three_nameservers_and_an_event_for_the_fourth() -> None:
    many = pod(PodDns("ClusterFirst", ("10.0.0.1", "10.0.0.2", "10.0.0.3")))
    assert resolver(many, DOMAIN, DNS, NODE).nameservers == (*DNS, "10.0.0.1", "10.0.0.2")
    assert list(troubles(many, DOMAIN, DNS, NODE)) == [
        (
            "DNSConfigForming",
            "Nameserver limits were exceeded, some nameservers have been omitted, "
            "the applied nameserver line is: 172.16.0.10 10.0.0.1 10.0.0.2",
        )
    ]
    assert list(troubles(pod(), DOMAIN, DNS, NODE)) == []


def test_32_domains_of_2048_characters_are_searched() -> None:
    many = pod(PodDns("ClusterFirst", searches=tuple(f"d{n}.example" for n in range(32))))
    assert len(resolver(many, DOMAIN, DNS, NODE).search) == 32
    (found,) = troubles(many, DOMAIN, DNS, NODE)
    assert found[1].startswith("Search Line limits were exceeded, some search paths have been omitted, the applied")
    long = pod(PodDns("None", ("10.0.0.1",), tuple(f"{n}{'x' * 60}.{'y' * 60}.{'z' * 60}.com" for n in range(20))))
    assert len(" ".join(resolver(long, DOMAIN, DNS, NODE).search)) <= 2048


def test_a_full_name_is_the_host_name_only_when_asked_for_and_short_enough() -> None:
    named = pod(hostname="web-0", subdomain="web")
    assert host_name(named, DOMAIN) == "web-0"
    assert host_name(pod(hostname="web-0", subdomain="web", fqdn=True), DOMAIN) == "web-0.web.ns.svc.cluster.local"
    assert host_name(pod(fqdn=True), DOMAIN) == "pod-0"
    long = pod(hostname="w" * 60, subdomain="web", fqdn=True)
    assert host_name(long, DOMAIN) == "w" * 60
    assert [reason for reason, _ in troubles(long, DOMAIN, DNS, NODE)] == ["FailedCreatePodSandBox"]


def test_a_pods_name_that_is_no_host_name_is_cut() -> None:
    assert host_name(Pod("ns", "a" * 62 + ".b", "node-0"), DOMAIN) == "a" * 62


def test_host_aliases_stand_below_the_pods_own_line() -> None:
    one = pod(host_aliases=(HostAlias("10.0.0.9", ("db", "db.example.com")),))
    assert hosts_text(hosts(one, DOMAIN, "10.244.0.2")).endswith(
        "fe00::2\tip6-allrouters\n10.244.0.2\tpod-0\n\n# Entries added by HostAliases.\n10.0.0.9\tdb\tdb.example.com\n"
    )
