"""The control groups of a lab, which bound memory, processors and number of all its programs (cgroups(7))."""
