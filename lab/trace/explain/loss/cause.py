"""The causes of a loss, as the JSON names them, and what a row of the table finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.trace.journey import QUERIED, Mending


class Cause(StrEnum):
    """Why a packet did not arrive."""

    FIREWALL_DROP = "firewall-drop"
    FIREWALL_REJECT = "firewall-reject"
    POLICY_DROP = "policy-drop"
    SOURCE_CHECK = "source-check"
    NO_ENDPOINTS = "no-endpoints"
    NO_SUCH_PORT = "no-such-port"
    NO_SUCH_SERVICE = "no-such-service"
    NOT_PROXIED = "not-proxied"
    NO_VIRTUAL_SERVER = "no-virtual-server"
    NO_REAL_SERVER = "no-real-server"
    NO_ROUTE = "no-route"
    WRONG_ROUTE = "wrong-route"
    BLACKHOLE_ROUTE = "blackhole-route"
    IP_FORWARD_OFF = "ip-forward-off"
    RP_FILTER = "rp-filter"
    NO_FDB_ENTRY = "no-fdb-entry"
    WRONG_VTEP = "wrong-vtep"
    WRONG_INNER_MAC = "wrong-inner-mac"
    VNI_MISMATCH = "vni-mismatch"
    WIREGUARD_KEY = "wireguard-key"
    WIREGUARD_PEER = "wireguard-peer"
    WIREGUARD_SESSION = "wireguard-session"
    PORT_MISMATCH = "port-mismatch"
    NO_NEIGHBOUR = "no-neighbour"
    WRONG_NEIGHBOUR = "wrong-neighbour"
    INTERFACE_DOWN = "interface-down"
    INTERFACE_MISSING = "interface-missing"
    ADDRESS_MISSING = "address-missing"
    TOO_BIG = "too-big"
    INCOMPLETE = "incomplete"
    MASQUERADE_MISSING = "masquerade-missing"
    NOBODY_LISTENS = "nobody-listens"
    FOREIGN_RULE = "foreign-rule"
    LEFTOVERS = "leftovers"
    RULES_MISSING = "rules-missing"
    STALE_RULES = "stale-rules"
    SET_DIFFERS = "set-differs"
    ADDRESS_TAKEN = "address-taken"
    WRONG_SETTING = "wrong-setting"
    DRIFT = "drift"
    POLICY_ROUTE = "policy-route"
    MARTIAN_SOURCE = "martian-source"
    NO_SUCH_ADDRESS = "no-such-address"
    STALE_FLOW = "stale-flow"
    NO_FREE_PORT = "no-free-port"
    REDIRECTED = "redirected"
    QUEUE_UNHEARD = "queue-unheard"
    IMPAIRMENT = "impairment"
    TRAFFIC_CONTROL = "traffic-control"
    XFRM_POLICY = "xfrm-policy"
    TTL_ENDED = "ttl-ended"
    HAIRPIN_OFF = "hairpin-off"
    BRIDGE_NF_OFF = "bridge-nf-off"
    BRIDGE_PORT = "bridge-port"
    UNTRANSLATED = "untranslated-reply"
    CAME_LATE = "came-late"
    RESOLVER_FILE = "resolver-file"
    COUNTED = "counted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a row found: `place` has the object, and is where the commands of `fix` mend it; `elsewhere` has those of
    other places.

    `stage` is said where the packet ended in that place. Where it ended is known from the captures; a row that knows
    better, since something that speaks told that it ended the packet there, says so by `ended`, a place. `direction` is
    said where it is another packet than the last that was seen: an answer that never left.
    """

    place: str
    cause: Cause
    object: str
    why: str
    fix: tuple[str, ...] = ()
    evidence: str = QUERIED
    stage: str = ""
    ended: str = ""
    elsewhere: tuple[Mending, ...] = ()
    direction: str = ""
