"""What ends a piece of work whose asker has gone."""

from __future__ import annotations


class Cancelled(Exception):
    """Whoever asked has gone away; what was done so far is for the caller to undo."""
