"""What a real machine printed of itself, as its author gives it beside the topology: routes, policy rules, neighbours,
forwarding entries, settings. Each file is read to values that say in which line they stood.
"""
