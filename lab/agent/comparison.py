"""What the kernel of a lab holds beside what it should hold: read where there is doubt, and compared."""

from __future__ import annotations

from collections.abc import Iterable

from lab.agent.stopwatch import Stopwatch
from lab.kernel.holdings import Holdings
from lab.kernel.observe import observe
from lab.kernel.verified import Verified
from lab.network.objects import Interface, Namespace, Network
from lab.plan import AnyStep, Plan, Step, plan
from lab.plan.steps import takes_more_away


class Comparison:
    """One lab's. It knows which places were found right, and that nobody has touched them since."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self.verified = Verified(holdings)

    def difference(self, wanted: Network, watch: Stopwatch) -> Plan:
        """Read what may not be as wanted, and compare. What is found right counts as verified from now on."""
        self.verified.begin()
        doubtful = self.verified.doubtful(wanted)
        steps = self.compare(wanted, doubtful)
        further = self.other_ends(steps) - doubtful
        if further:
            steps = self.compare(wanted, doubtful | further)
        watch.lap("observe")
        return steps

    def is_as_left(self) -> bool:
        """Whether every place holds what it was left with. What nobody can tell of without it is read."""
        self.verified.begin()
        doubtful = self.verified.doubtful()
        expected = self.verified.expected(doubtful)
        return expected is not None and not self.compare(expected, doubtful)

    def is_as_worked_on(self, steps: Iterable[AnyStep]) -> bool:
        """Whether the places of these steps, and whatever the kernel has spoken of meanwhile, hold what they should."""
        places = self.verified.touched(frozenset(step.place for step in steps))
        expected = self.verified.expected(places)
        return expected is not None and not self.compare(expected, places)

    def work(self, steps: Plan) -> None:
        """These steps are about to be carried out. Where they take something away, nothing is known from then on: more
        may go with it.
        """
        self.verified.work(steps.steps)
        going = [step for step in steps.steps if takes_more_away(step)]
        if going:
            self.verified.forget({step.place for step in going} | self.other_ends(steps))

    def compare(self, wanted: Network, places: frozenset[str]) -> Plan:
        part = wanted.only(places)
        self._holdings.learn(part)
        steps = plan(part, observe(self._holdings, part, places))
        self.verified.record(part, places - frozenset(step.place for step in steps.steps))
        return steps

    def other_ends(self, steps: Plan) -> frozenset[str]:
        """Where the other ends are of the links that go, or whose places go: what hangs on them goes as well."""
        removed = [step.object for step in steps.steps if isinstance(step, Step) and step.action == "remove"]
        peers = self._holdings.peers
        links = [(item.place, item.name) for item in removed if isinstance(item, Interface)]
        gone = {item.place for item in removed if isinstance(item, Namespace)}
        links += [link for link in peers if link[0] in gone] if gone else []
        return frozenset(peers[link][0] for link in links if link in peers) - gone

    def otherwise(self, wanted: Network, before: Network) -> tuple[frozenset[str], Plan]:
        """The places in which two networks differ, and what brings that to the wanted one, whatever is held there now:
        somebody may have brought it back by hand.
        """
        changed = plan(wanted, before)
        places = frozenset(step.place for step in changed.steps)
        part = wanted.only(places)
        both = Network.of(part, before.only(places))  # what one alone has is looked for too
        self._holdings.learn(both)
        steps = plan(part, observe(self._holdings, both, places)).about(changed.keys)
        self.work(steps)
        return places, steps

    def everything(self, network: Network) -> Network:
        """What the kernel holds now of all that was ever designed, everything read afresh."""
        return observe(self._holdings, network)

    def differences(self, network: Network, places: frozenset[str]) -> Plan:
        """What bringing these places back to the design would do, everything read afresh."""
        part = network.only(places)
        return plan(part, observe(self._holdings, part, places))

    def steps_to(self, network: Network) -> Plan:
        """What bringing the kernel to that design would do, everything read afresh."""
        self._holdings.learn(network)
        return plan(network, observe(self._holdings, network))
