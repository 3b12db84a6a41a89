"""What ends a piece of work whose asker has gone."""

from __future__ import annotations


class Cancelled(Exception):  # noqa: N818  it is no error: nobody is to be told of it
    """Whoever asked has gone away; what was done so far is for the caller to undo."""
