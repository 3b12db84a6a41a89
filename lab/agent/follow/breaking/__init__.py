"""Puts the faults of a running lab in and takes them out. Only `lab.agent` imports this."""
