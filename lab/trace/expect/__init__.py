"""Expectations of a lab checked by real traces, several side by side, and told: as lines, as JUnit's XML, as JSON.

Stands above all other wings of lab.trace.
"""
