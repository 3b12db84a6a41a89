"""A cluster that nobody shall know again: its names and addresses replaced, each always by the same, prefixes kept."""
