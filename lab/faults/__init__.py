"""Breaks that have names: each a small change of what a lab should hold, met on real clusters.

Pure: the agent brings them about and takes them back; plan, trace and doctor are told of none.
"""
