"""Inside a virtual machine with a distribution's own kernel: `./inv test --vm` runs these, nothing else does.

The fixtures are those of the other tests that build labs. Here a lab takes some twenty seconds, so there is one for
each thing that is to be seen, and it is looked at from all sides.
"""

from __future__ import annotations

from pathlib import Path

from lab.vm import port
from tests.integration.conftest import file, lab, two_subnet_text

__all__ = ["collect_ignore_glob", "file", "lab", "two_subnet_text"]

collect_ignore_glob = [] if Path(port.MODPROBE).exists() else ["test_*.py"]
