"""The faults, a table for each kind of thing that is broken. Adding one is adding an entry."""
