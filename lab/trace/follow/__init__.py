"""A pod's own connections, watched instead of asked in its name, and told as journeys while they happen."""
