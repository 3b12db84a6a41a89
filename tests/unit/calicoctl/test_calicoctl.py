"""What calicoctl says of what is not as usual: sessions that cannot be, addresses that do not fit, wrong words."""

from __future__ import annotations

import json

import pytest
import yaml

from lab.calicoctl import tables
from lab.calicoctl.answers import Answer
from lab.calicoctl.bgp import UNANSWERED, status
from lab.calicoctl.objects import endpoint_name, endpoint_parts
from lab.calicoctl.options import Options, read
from lab.topology.schema import Cni
from tests.unit.calicoctl.labs import LATER, said, see, tunnelled
from tests.unit.network.small_labs import cluster, made, spec, two_subnet

VXLAN = see(tunnelled("VXLANCrossSubnet"))
IPIP = see(tunnelled("IPIP"))


def peers(node: str, outcomes: dict[str, str]) -> dict[str, list[str]]:
    """The table's rows by the peers' addresses: type, state, since and info."""
    told = said(IPIP, "node status", node, outcomes).out
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in told.splitlines() if "node-to-" in line]
    return {row[0]: row[1:] for row in rows}


def test_a_mesh_has_every_other_node_and_all_that_answer_are_established() -> None:
    assert peers("node-1", {}) == {
        "10.0.1.10": ["node-to-node mesh", "up", "09:26:22", "Established"],
        "10.0.2.10": ["node-to-node mesh", "up", "09:26:22", "Established"],
    }


@pytest.mark.parametrize(
    ("outcome", "info"),
    [
        (UNANSWERED, "Connect"),
        ("No route to host", "Active Socket: No route to"),  # goes on in the next line
        ("Connection refused", "Active Socket: Connection"),
    ],
)
def test_a_peer_that_does_not_answer_is_not_up(outcome: str, info: str) -> None:
    """node-2 has the greater address, so it begins, and node-1 waits for it."""
    assert peers("node-2", {"10.0.1.11": outcome})["10.0.1.11"] == ["node-to-node mesh", "start", "09:27:22", info]
    assert peers("node-1", {"10.0.2.10": outcome})["10.0.2.10"][1:] == ["start", "09:27:22", "Passive"]
    assert peers("node-2", {"10.0.1.11": outcome})["10.0.1.10"][1] == "up"


def test_after_twenty_hours_since_is_a_date() -> None:
    tried = {peer.address: "" for peer in IPIP.peers("node-0")}
    later = status(IPIP, "node-0", tried, LATER + 20 * 3600)
    assert isinstance(later, Answer)
    assert "| up    | 2026-11-30 | Established |" in later.out


def test_a_lone_node_has_no_peers() -> None:
    topology = spec({"node-0": "subnet-a"}, cni=Cni(encapsulation="IPIP"))
    told = said(see(made(topology, cluster(topology))), "node status").out
    assert "IPv4 BGP status\nNo IPv4 peers found.\n\nIPv6" in told


def test_an_address_whose_pod_is_gone_is_a_problem_and_the_status_is_0_all_the_same() -> None:
    lab = tunnelled("VXLAN")
    there = see(lab, without=("namespace001/pod-3",))
    told = said(there, "ipam check --show-problem-ips")
    assert "  10.244.0.129 leaked; attrs Main:<none> Extra:namespace=namespace001,node=node-2,pod=pod-3\n" in told.out
    assert "Found 1 IPs that are allocated in IPAM but not actually in use." in told.out
    assert told.out.endswith("Check complete; found 1 problems.\n")
    assert told.status == 0


def test_an_address_that_nobody_gave_away_is_a_problem() -> None:
    pod = json.loads(json.dumps(VXLAN.pods[0]))
    pod["metadata"]["name"], pod["status"]["podIPs"] = "stray", [{"ip": "10.244.9.9"}, {"ip": "192.0.2.1"}]
    there = type(VXLAN)(**{**vars(VXLAN), "pods": (*VXLAN.pods, pod)})
    told = said(there, "ipam check --show-problem-ips").out
    whose = "Workload(kube-system/node--0-k8s-stray-eth0)"
    assert f"  10.244.9.9 in use by {whose} and in active IPAM pool but has no IPAM allocation.\n" in told
    assert f"  192.0.2.1 in use by {whose} is not in any active IP pool.\n" in told
    assert told.endswith("found 2 problems.\n")


def test_a_finished_pod_has_no_address() -> None:
    pod = json.loads(json.dumps(VXLAN.pods[0]))
    pod["status"]["phase"] = "Succeeded"
    there = type(VXLAN)(**{**vars(VXLAN), "pods": (pod,)})
    assert said(there, "get wep -A -o json").out.count("ipNetworks") == 0


def test_what_is_printed_as_yaml_is_what_is_printed_as_json() -> None:
    for kind in ("ippools", "nodes", "wep -A"):
        as_yaml, as_json = (said(VXLAN, f"get {kind} -o {form}").out for form in ("yaml", "json"))
        assert yaml.safe_load(as_yaml) == json.loads(as_json)
        assert not as_json.endswith("\n")


INVALID = "invalid option: 'calicoctl {}'. Use flag '--help' to read about a specific subcommand\n"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("get", INVALID),
        ("get nodes --nope", INVALID),
        ("get nodes -o", INVALID),
        ("node", INVALID),
        ("node status please", INVALID),
        ("ipam", INVALID),
        ("ipam show --ip=10.244.0.1 --show-blocks", INVALID),
        ("version now", INVALID),
        ("get nodes -o name", "unrecognized output format 'name'\n"),
        ("get nodes -o custom-columns=", "need to specify at least one column\n"),
        ("get nodes -o custom-columns=NOPE", "unknown heading NOPE, valid values are: NAME, ASN, IPV4, IPV6\n"),
        ("get nodes -n default", "Node is not namespaced\n"),
        ("get ippools -a", "IPPool is not namespaced\n"),
        ("get wep -n a -A", "cannot use both --namespace and --all-namespaces flags at the same time\n"),
        ("get wep -A one", "cannot use --all-namespace flag for getting a single resource\n"),
        ("get node nope", 'resource does not exist: Node(nope) with error: nodes "nope" not found\n'),
        (
            "get ippool nope",
            'resource does not exist: IPPool(nope) with error: ippools.crd.projectcalico.org "nope" not found\n',
        ),
        (
            "get wep nope",
            "resource does not exist: WorkloadEndpoint(default/nope) with error: malformed WorkloadEndpoint name - "
            "unable to determine Pod name\n",
        ),
        (
            "get wep node--0-k8s-x-eth0",
            'resource does not exist: WorkloadEndpoint(default/node--0-k8s-x-eth0) with error: pods "x" not found\n',
        ),
        (
            "get pods",
            "failed to get resources: resource type 'pods' is not supported\n"
            "hint: what Calico has of pods are workloadendpoints; Kubernetes' own: ./inv get pods\n",
        ),
        (
            "get services",
            "failed to get resources: resource type 'services' is not supported\n"
            "hint: the lab has ippools, nodes, workloadendpoints\n",
        ),
        ("gett nodes", "unknown command: \"gett\"\nhint: did you mean 'get'?\n"),
        ("node stat", "unknown command: \"node stat\"\nhint: did you mean 'status'?\n"),
        ("ipam x", 'unknown command: "ipam x"\nhint: one of: check, show\n'),
    ],
)
def test_what_is_wrong_is_told_as_calicoctl_tells_it_and_the_status_is_1(typed: str, told: str) -> None:
    found = said(VXLAN, typed)
    assert (found.out, found.err, found.status) == ("", told.format(typed), 1)


def test_some_of_it_goes_to_standard_output_as_calicoctl_has_it() -> None:
    found = said(VXLAN, "ipam show --ip=10.244.0.300")
    assert (found.out, found.status) == ("Error executing command: invalid IP address specified: 10.244.0.300\n", 1)
    found = said(VXLAN, "")
    assert (found.out, found.status) == (
        "Invalid option: ''. Use flag '--help' to read about a specific subcommand.\n",
        1,
    )


def test_those_that_are_there_are_printed_before_it_is_told_which_is_not() -> None:
    found = said(VXLAN, "get nodes node-0 nope node-2")
    assert found.out == "NAME     \nnode-0   \n\nNAME     \nnode-2   \n\n"
    assert (found.err.count("does not exist"), found.status) == (1, 1)


@pytest.mark.parametrize(
    "typed",
    [
        *("apply -f x", "create -f x", "replace -f x", "delete node x", "patch node x -p {}", "label node x a=b"),
        *("validate -f x", "datastore migrate lock", "cluster diags"),
        *("node run", "node diags", "node checksystem", "ipam release --ip=1.2.3.4", "ipam split 4", "ipam configure"),
        *("get bgppeers", "get FelixConfiguration", "get gnp", "get tiers", "get profiles -o yaml", "get -f x"),
        *("get nodes -o go-template={{.}}", "version --poll 1s", "ipam check -o report.json"),
    ],
)
def test_what_a_lab_has_no_such_thing_for_is_refused_by_name_with_what_there_is_instead(typed: str) -> None:
    found = said(VXLAN, typed)
    first, hint = found.err.splitlines()
    assert first.startswith("hoplab: error: ")
    assert hint.startswith("hint: ")
    assert (found.out, found.status) == ("", 1)


def test_flannel_knows_no_calicoctl() -> None:
    found = said(see(two_subnet(Cni(plugin="flannel"))), "get nodes")
    assert found.status == 1
    assert "flannel's" in found.err
    assert "ip -d link show flannel.1" in found.err


@pytest.mark.parametrize("typed", ["--help", "-h", "get --help", "node -h", "node status -h", "ipam show --help"])
def test_help_is_told_with_status_0(typed: str) -> None:
    found = said(VXLAN, typed)
    assert (found.out[:10], found.err, found.status) == ("calicoctl,", "", 0)


@pytest.mark.parametrize(
    "typed", ["-l debug get nodes", "--allow-version-mismatch get nodes -c x", "--context=a get no"]
)
def test_options_that_mean_nothing_here_are_taken(typed: str) -> None:
    assert said(VXLAN, typed).out == said(VXLAN, "get nodes").out


def test_names_of_endpoints_double_the_dashes_of_their_parts() -> None:
    assert endpoint_name("node-0", "a-b--c") == "node--0-k8s-a--b----c-eth0"
    assert endpoint_parts("node--0-k8s-a--b----c-eth0") == ["node-0", "k8s", "a-b--c", "eth0"]


OPTIONS = Options({"output": "o", "namespace": "n"}, {"all-namespaces": "A", "export": "", "help": "h"})


@pytest.mark.parametrize(
    ("typed", "options", "words"),
    [
        ("a -o wide b", {"output": "wide"}, ("a", "b")),
        ("-owide --names=x", {"output": "wide", "namespace": "x"}, ()),
        ("-Ao json", {"all-namespaces": "", "output": "json"}, ()),
        ("--out json --exp", {"output": "json", "export": ""}, ()),
        ("-- -o x", {}, ("-o", "x")),
        ("-", {}, ("-",)),
    ],
)
def test_options_are_read_as_docopt_reads_them(typed: str, options: dict[str, str], words: tuple[str, ...]) -> None:
    found = read(typed.split(), OPTIONS)
    assert found is not None
    assert (dict(found.options), found.words) == (options, words)


@pytest.mark.parametrize("typed", ["--nope", "-x", "-o", "--output", "--export=yes", "-Ax"])
def test_what_docopt_would_not_take_is_not_taken(typed: str) -> None:
    assert read(typed.split(), OPTIONS) is None


def test_a_box_puts_numbers_to_the_right_and_breaks_what_is_long() -> None:
    told = tables.box(("A", "LONG ENOUGH"), [("1,000", "Active Socket: Connection refused"), ("x", "-2.5")])
    assert told == (
        "+-------+--------------------------------+\n"
        "|   A   |          LONG ENOUGH           |\n"
        "+-------+--------------------------------+\n"
        "| 1,000 | Active Socket: Connection      |\n"
        "|       | refused                        |\n"
        "| x     |                           -2.5 |\n"
        "+-------+--------------------------------+\n"
    )


def test_a_box_without_rows_has_its_last_line_all_the_same() -> None:
    assert tables.box(("IP", "TYPE"), []) == "+----+------+\n| IP | TYPE |\n+----+------+\n+----+------+\n"
