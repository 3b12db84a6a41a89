"""Everything that `./inv` can do: the lab's own tasks, and its developers'. Parse, call, print: no logic here."""

from __future__ import annotations

import os
import sys

from lab.start import guard

guard()

from lab.program import run
from lab.program_name import called
from lab.tasks import TASKS as LAB_TASKS
from lab.tasks.commandline.task import Context, Exit, command


@command(
    help={
        "coredns": "Make the real CoreDNS with Go, for `dns.server: coredns`; minutes the first time.",
        "vm": "Fetch what `up --vm` needs: QEMU and, where apt is, a usual kernel, which is not installed.",
        "modules": "Load these kernel modules, such as ipip,ip_vs, and say what that changes here.",
    }
)
def setup(context: Context, coredns: bool = False, vm: bool = False, modules: str = "") -> None:
    """Make the machine ready and say what it can do. (Every `./inv` does the first part; this task does no more.)"""
    print(f"Hoplab runs with {sys.executable}")
    if coredns:
        from dev.coredns import make

        make()
    if vm:
        from dev.kernel import make_ready

        make_ready()
    if modules:
        from dev.modules import load

        load(modules)
    LAB_TASKS["check"](context)


@command
def lint(_: Context) -> None:
    """Run ruff, mypy and import-linter over the whole tree, side by side."""
    from dev.lint import lint as run_linters

    raise Exit(code=run_linters())


@command(
    help={
        "unit": "Only the tests that need no privileges and no kernel: unit and golden.",
        "integration": "Only the tests that build labs.",
        "k": "Only the tests whose names match, as for pytest -k.",
        "parity": "Instead: Kubernetes' own kube-proxy, made with Go, in the nodes of a lab, and our rules beside its.",
        "fresh": "Instead: a bare Debian, made on the spot; the README's commands in it, and the image upon it.",
        "image": "Instead: of these the container image alone, built and run by an ordinary user.",
        "vm": "Instead: what only another kernel can do, in a virtual machine.",
        "kernel": "Of --vm: the kernel's image, or a folder that has one in boot.",
    }
)
def test(
    _: Context,
    unit: bool = False,
    integration: bool = False,
    k: str = "",
    parity: bool = False,
    fresh: bool = False,
    image: bool = False,
    vm: bool = False,
    kernel: str = "",
) -> None:
    """Run the tests in parallel; as root, those that build labs a second time as an ordinary user."""
    if parity:
        from dev.suite import run_parity

        raise Exit(code=run_parity(k))
    if fresh or image:
        from dev.fresh import try_from_nothing

        raise Exit(code=try_from_nothing(machine=fresh, pattern=k))
    if vm or kernel:
        from dev.vm import run

        raise Exit(code=run(("-k", k) if k else (), kernel))
    from dev.suite import run_tests

    raise Exit(code=run_tests(unit=unit, integration=integration, pattern=k))


@command(
    help={
        "json": "Write the figures to this file as well; - prints them instead of the table.",
        "pods": "How many pods to build, such as 100,1000 (the default); 0 for none, here and below.",
        "services": "How many Services to load, such as 1000,10000 (the default); up to 30000.",
        "nodes": "How many nodes the wide lab has, 100 by default.",
        "many": "How many pods the lab of 20 full nodes has, 10000 by default.",
        "quick": "Everything once instead of three times.",
        "losses": "Instead: break labs at random, and judge what a trace says of it; status 3 if something is wrong.",
        "continuity": "Instead: change labs in every way, and count questions to DNS and connections that are lost.",
        "changes": "Of --continuity: how many changes of each kind, 100 by default; 10 with --quick.",
        "attack": "Instead: try everything that may be done to a lab; so many inputs of each kind; 3 if one fails.",
        "only": "Of --attack: the kinds whose names begin so, separated by commas: --only SIGKILL,started.",
        "doctor": "Instead: put faults in, and judge what `doctor` finds; status 3 if one is not named or mended.",
        "faults": "Of --doctor: how many, drawn by --seed; without it every one on every place, which takes hours.",
        "pairs": "Of --doctor: how many times two faults at once.",
        "seed": "Of --losses, --doctor and --attack: what is drawn; without it 10, 10, and a new one that is printed.",
        "breaks": "Of --losses: how many breaks that lose their request, 500 by default.",
        "soak": "Instead: make and delete a Deployment and its Service so often; 3 if memory does not stay level.",
    }
)
def bench(
    _: Context,
    json: str = "",
    pods: str = "",
    services: str = "",
    nodes: str = "",
    many: str = "",
    quick: bool = False,
    continuity: bool = False,
    changes: int = 0,
    losses: bool = False,
    attack: int = 0,
    only: str = "",
    seed: int = 0,
    breaks: int = 500,
    doctor: bool = False,
    faults: int = 0,
    pairs: int = 0,
    soak: int = 0,
) -> None:
    """Measure building, Services, two-subnet's commands and memory, beside what the kernel and its tools alone take."""
    if attack:
        from bench.attack.run import attack as try_everything

        try_everything(attack, seed, json, only)
        return
    if soak:
        from bench.soak import soak as keep_at_it

        keep_at_it(soak, json)
        return
    if losses:
        from bench.losses.run import losses as judge_losses

        judge_losses(seed or 10, breaks, json)
        return
    if doctor:
        from bench.doctor.run import judge

        judge(seed or 10, faults, pairs, json)
        return
    if continuity:
        from bench.run import continuity as count_losses

        count_losses(changes, json, quick=quick)
        return
    from bench.run import Asked
    from bench.run import bench as measure

    measure(Asked(pods, services, nodes, many, quick), json)


TASKS = LAB_TASKS.beside(setup, test, lint, bench)

# Invoke imports this file and reads the command line by rules of its own; under either name it means the same.
if __name__ == "__main__" or called(sys.argv[0], os.environ) in ("inv", "invoke"):
    run(TASKS)
