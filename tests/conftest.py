"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long one example may take says more of what else the machine does than of the code.
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")
