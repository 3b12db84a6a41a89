"""kube-proxy in ipvs mode where the kernel has no IPVS, or keeps it for root of the machine: a sentence, and no lab.

tests/vm has labs in that mode, and the refusal of a kernel that has it.
"""

from __future__ import annotations

from tests.integration.conftest import LabFactory


def test_it_is_refused_before_anything_is_built_with_what_would_do(lab: LabFactory) -> None:
    one = lab("two-subnet", up=False)
    said = one.up("--set", "services.proxy=ipvs").refused(1)
    assert "services.proxy: ipvs needs " in said
    for instead in ("up --privileged", "up --vm", "`proxy: nftables` or `iptables`"):
        assert instead in said, said
    assert not one.is_listed()
