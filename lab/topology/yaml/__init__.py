"""YAML as text that a person wrote: documents whose every value remembers where it stood. Pure."""
