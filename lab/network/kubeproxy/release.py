"""The version of kube-proxy whose rules these are.

`./inv test --parity` compares them with the real one's, line by line. Kubernetes has deprecated ipvs mode since 1.35
and will take it out: it is followed as it was while it was maintained.
"""

_LATEST, _OF_IPVS = "1.37", "1.34"


def spoken_for(mode: str) -> str:
    """Of that mode's rules."""
    return _OF_IPVS if mode == "ipvs" else _LATEST
