"""All controllers of a cluster."""

from __future__ import annotations

from collections.abc import Mapping

from lab.api.store import Key, Store
from lab.control.controllers import Controller
from lab.control.controllers.deployment import Deployments
from lab.control.controllers.endpoints import Endpoints
from lab.control.controllers.endpointslices import EndpointSlices
from lab.control.controllers.garbage import Garbage
from lab.control.controllers.ipaddresses import IpAddresses
from lab.control.controllers.mirroring import Mirroring
from lab.control.controllers.namespaces import Namespaces
from lab.control.controllers.nodeless import Nodeless
from lab.control.controllers.replicaset import ReplicaSets
from lab.control.controllers.scheduling import NOWHERE, Scheduling
from lab.control.controllers.system import System
from lab.control.events import Recorder
from lab.control.services.members import Members


def controllers(
    store: Store, recorder: Recorder, system: System, kept: Mapping[Key, str] = NOWHERE
) -> list[Controller]:
    """In the order in which they hear of a change. `kept` are the nodes on which pods ran in a lab of before."""
    members = Members(store)
    return [
        system,
        Garbage(store),
        Namespaces(store),
        Nodeless(store),
        Deployments(store, recorder),
        ReplicaSets(store, recorder),
        Scheduling(store, recorder, kept),
        EndpointSlices(store, members),
        Endpoints(store, members),
        Mirroring(store),
        IpAddresses(store),
    ]
