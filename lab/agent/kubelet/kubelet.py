"""From what the kernel holds and what probes find to the pods' status in the API.

The kubelet never touches the kernel itself: a container that shall not run is a pod whose status says so, and the
design follows from that.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from lab.agent.kubelet.backoff import BackOff
from lab.agent.kubelet.probes import read_probes, sentence
from lab.agent.kubelet.probing import Prober
from lab.api.resources import PODS
from lab.control.events import Recorder
from lab.control.own_objects import is_own_pod
from lab.control.pieces import Pieces
from lab.control.pods import podstatus
from lab.control.pods.running import NORMAL, WARNING, Names, place_of, start, told

if TYPE_CHECKING:
    from lab.api.store import Store
    from lab.network.ipam import Addresses

Json = dict[str, Any]
Later = Callable[[float, Callable[[], None]], object]

KILLED = 128 + signal.SIGKILL
OUT_OF_MEMORY = "OOMKilled"  # as a container runtime says it
START_ERROR, NEVER_BEGUN = "StartError", 128  # the same, of a program that there is not, or that cannot be run
_REFUSED = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: {}: unknown"
)


class Programs(Protocol):
    """The programs of pods that have one of their own."""

    def ask_to_end(self, place: str) -> bool:
        """Whether the pod has a program that runs; it was sent its stop signal."""
        ...


class Kubelet:
    """All of it happens in the agent's loop. `later(seconds, call)` calls back; `names` is what it knows of names."""

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        prober: Prober,
        programs: Programs,
        later: Later,
        names: Callable[[], Names],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._prober = prober
        self._programs = programs
        self._later = later
        self._names = names
        self._back_off = BackOff()
        self._ending: dict[str, str] = {}  # pods whose programs were asked to end, by uid
        self._held: dict[str, str] = {}  # uids of the pods that the kernel holds, by place
        self._steady: dict[str, Json] = {}  # pods that run and are not probed, of which all was reported
        self.held_down: frozenset[str] = frozenset()  # places whose programs shall not run
        # Statuses of programs that ended before their start was reported, and why they never began.
        self._early: dict[str, tuple[int, str]] = {}

    def adopt(self) -> None:
        """All pods of the store are about to be what the kernel holds: those that replace others of their names too."""
        held = {place_of(pod): pod["metadata"]["uid"] for pod in self._store.each(PODS)}
        for place, uid in self._held.items():
            if held.get(place) != uid:
                self._forget(place)
        self._held = held

    def bringing(self, addresses: Addresses, places: frozenset[str], pods: Sequence[Json]) -> Pieces[None]:
        """The kernel now holds these places, which follow from these pods: report what runs, and let go of what has
        ended, pod by pod. A pod that has changed since waits until the kernel has followed that too.
        """
        self._held = {place: uid for place, uid in self._held.items() if place in places}
        before, self._steady = self._steady, {}
        for pod in pods:
            yield
            place = place_of(pod)
            if self._pod(place) is not pod:
                continue
            if before.get(place) is pod and self._is_steady(pod, place, addresses):
                self._steady[place] = pod
            elif podstatus.is_terminating(pod):
                self._end(pod, place)
            elif podstatus.is_finished(pod):
                self._forget(place)
            elif place in places:
                self._report(pod, place, addresses)
                if self._pod(place) is pod and podstatus.is_running(pod) and not podstatus.probes(pod):
                    self._steady[place] = pod
        for place in [place for place in self._prober.watched if self._pod(place) is None]:
            self._forget(place)

    def _is_steady(self, pod: Json, place: str, addresses: Addresses) -> bool:
        """Whether a pod of which all was reported is still held as it was."""
        held = self._held.get(place) == pod["metadata"]["uid"] and place not in self.held_down
        return held and pod["status"].get("podIP") == addresses.pods.get(place)

    def _report(self, pod: Json, place: str, addresses: Addresses) -> None:
        address, host = addresses.pods[place], addresses.nodes[pod["spec"]["nodeName"]]
        before, self._held[place] = self._held.get(place), pod["metadata"]["uid"]
        if before not in (None, self._held[place]):
            # Made before the kernel let go of the one of that name before it, whose programs may still run.
            self._forget(place)
            self._store.update(PODS, podstatus.creating(pod, self._store.now()))
            return
        if pod["status"].get("podIP") != address:
            pod = start(self._store, self._recorder, pod, address, host, self._names())
            early = self._early.pop(place, None)
            if early is not None:
                self._report_end(pod, *early)
                return
        elif not podstatus.is_running(pod):
            if place not in self.held_down:
                self._start_anew(pod, place)
            return
        if place in self.held_down:
            self._store.update(PODS, podstatus.ended(pod, 0, self._store.now()))
            return
        node = pod["spec"]["nodeName"]
        if podstatus.probes(pod) and not self._prober.watches(place, node, address):
            self._prober.watch(place, node, address, read_probes(pod["spec"]["containers"][0]))
        self._heed_annotation(pod, place)

    def _heed_annotation(self, pod: Json, place: str) -> None:
        """Whoever annotates a running pod with hoplab.io/ready, or takes that away, has it followed at once."""
        standing = self._prober.standing(place)
        wanted = (standing is None or standing.ready) and not podstatus.is_held_back(pod)
        if wanted != podstatus.is_ready(pod):
            self._store.update(PODS, podstatus.with_readiness(pod, wanted, self._store.now()))

    def hold_down(self, places: frozenset[str]) -> None:
        """The programs of these pods shall not run, however often the pods are made; those of all others shall."""
        let_go, self.held_down = self.held_down - places, places
        for place in (*places, *let_go):
            pod = self._pod(place)
            if pod is None or podstatus.is_terminating(pod) or not podstatus.is_started(pod):
                continue  # it is heeded when it is reported
            if place in let_go:
                self._restart(pod["metadata"]["uid"], place)
            elif podstatus.is_running(pod):
                self._store.update(PODS, podstatus.ended(pod, 0, self._store.now()))

    def _start_anew(self, pod: Json, place: str) -> None:
        """Its container has ended, and the kernel holds nothing of it any more: start it, now or after a while."""
        state = pod["status"]["containerStatuses"][0]["state"]
        if "waiting" in state:
            return
        wait = self._back_off.wait(place, time.monotonic())
        if not wait:
            self._restart(pod["metadata"]["uid"], place)
            return
        self._store.update(PODS, podstatus.waiting(pod, wait, self._store.now()))
        name = pod["spec"]["containers"][0]["name"]
        self._event(
            pod, WARNING, "BackOff", f"Back-off restarting failed container {name} in pod {pod['metadata']['name']}"
        )
        self._later(wait, lambda: self._restart(pod["metadata"]["uid"], place))

    def _restart(self, uid: str, place: str) -> None:
        pod = self._pod(place)
        if pod is None or pod["metadata"]["uid"] != uid or podstatus.is_terminating(pod) or podstatus.is_running(pod):
            return
        if place in self.held_down:
            return
        made = self._store.update(PODS, podstatus.restarted(pod, self._store.now()))
        self._prober.forget(place)
        self._event(made, NORMAL, "Started", f"Started container {made['spec']['containers'][0]['name']}")

    def _end(self, pod: Json, place: str) -> None:
        """The rules have followed its deletion; now its program is asked to end, and killed when its time is up."""
        uid = pod["metadata"]["uid"]
        if uid in self._ending:
            return
        self._ending[uid] = place
        self._prober.forget(place)
        name = pod["spec"]["containers"][0]["name"]
        self._event(pod, NORMAL, "Killing", f"Stopping container {name}")
        self._later(podstatus.before_stop(pod), lambda: self._ask_to_end(uid, place))
        self._later(float(pod["metadata"].get("deletionGracePeriodSeconds", 0)), lambda: self._kill(uid, place))

    def _ask_to_end(self, uid: str, place: str) -> None:
        pod = self._pod(place)
        if pod is None or pod["metadata"]["uid"] != uid:
            return
        if not self._programs.ask_to_end(place):
            self._remove(pod)

    def _kill(self, uid: str, place: str) -> None:
        pod = self._pod(place)
        if pod is not None and pod["metadata"]["uid"] == uid:
            self._remove(pod)

    def _remove(self, pod: Json) -> None:
        """What is left of it goes with its network namespace."""
        self._forget(place_of(pod))
        self._ending.pop(pod["metadata"]["uid"], None)
        self._store.remove(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _forget(self, place: str) -> None:
        self._prober.forget(place)
        self._back_off.forget(place)
        self._early.pop(place, None)

    def ended(self, programs: Iterable[tuple[str, int, str]], *, short_of_memory: bool = False) -> None:
        """Programs of pods that ended by themselves: the place, the status as a shell gives it, why the program never
        began. `short_of_memory`: the kernel has ended some program because the lab's memory was used up.
        """
        for place, status, refusal in programs:
            pod = self._pod(place)
            if pod is None:
                continue
            if not podstatus.is_started(pod):
                self._early[place] = (status, refusal)
                continue
            if podstatus.is_terminating(pod):
                if pod["metadata"]["uid"] in self._ending:
                    self._remove(pod)
                continue
            if podstatus.is_running(pod):
                self._prober.forget(place)
                self._report_end(pod, status, refusal, short_of_memory=short_of_memory and status == KILLED)

    def _report_end(self, pod: Json, status: int, refusal: str, *, short_of_memory: bool = False) -> None:
        now = self._store.now()
        if refusal:
            message = _REFUSED.format(refusal)
            made = podstatus.ended(pod, NEVER_BEGUN, now, reason=START_ERROR, message=message)
            self._store.update(PODS, made)
            self._event(pod, WARNING, "Failed", f"Error: {message}")
            return
        self._store.update(PODS, podstatus.ended(pod, status, now, reason=OUT_OF_MEMORY if short_of_memory else ""))
        if short_of_memory:
            name = pod["spec"]["containers"][0]["name"]
            told_why = f"Container {name} was ended by the kernel: the lab's limit of memory is used up"
            self._event(pod, WARNING, OUT_OF_MEMORY, told_why)

    def finished(self) -> dict[str, str]:
        """The places that pods had which have ended for good, and why."""
        pods = (pod for pod in self._store.each(PODS) if podstatus.is_finished(pod))
        return {place_of(pod): pod["status"].get("reason") or pod["status"]["phase"] for pod in pods}

    def evictable(self) -> list[str]:
        """The places of pods that may be ended for what they take: all that run but those of the cluster itself."""
        return [place_of(pod) for pod in self._store.each(PODS) if _is_evictable(pod)]

    def evict(self, place: str) -> None:
        """It has written all that it may: it is ended for good, and its place with what was written there."""
        pod = self._pod(place)
        if pod is None or not _is_evictable(pod):
            return
        told_why = "Pod ephemeral local storage usage exceeds the lab's limit of disk (`up --limit disk=…`)."
        self._event(pod, WARNING, podstatus.EVICTED, told_why)
        self._store.update(PODS, podstatus.evicted(pod, told_why, self._store.now()))

    def probed(self, place: str, kind: str, ok: bool) -> None:
        """A probe has succeeded or failed as often as it takes."""
        pod = self._pod(place)
        if pod is None or not podstatus.is_running(pod) or podstatus.is_terminating(pod):
            return
        now = self._store.now()
        if kind == "readiness":
            self._store.update(PODS, podstatus.with_readiness(pod, ok, now))
        elif kind == "startup" and ok:
            self._store.update(PODS, podstatus.with_startup(pod, now))
        elif not ok:
            name = pod["spec"]["containers"][0]["name"]
            self._event(pod, NORMAL, "Killing", f"Container {name} failed {kind} probe, will be restarted")
            self._prober.forget(place)
            self._store.update(PODS, podstatus.ended(pod, KILLED, now, reason="Error"))

    def probe_failed(self, place: str, kind: str, message: str) -> None:
        pod = self._pod(place)
        if pod is not None:
            self._event(pod, WARNING, "Unhealthy", sentence(kind, message))

    def _pod(self, place: str) -> Json | None:
        namespace, _, name = place.partition("/")
        return self._store.find(PODS, namespace, name)

    def _event(self, pod: Json, kind: str, reason: str, message: str) -> None:
        told(self._recorder, pod, kind, reason, message)


def _is_evictable(pod: Json) -> bool:
    if is_own_pod(pod) or podstatus.is_terminating(pod):
        return False
    return podstatus.is_started(pod) and not podstatus.is_finished(pod)
