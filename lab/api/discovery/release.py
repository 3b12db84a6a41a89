"""The release of Kubernetes that the lab is like. Whatever tells a version tells this one."""

from __future__ import annotations

MAJOR, MINOR = 1, 37

VERSION = f"v{MAJOR}.{MINOR}.0+hoplab"
