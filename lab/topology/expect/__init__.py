"""What a topology's author expects of requests: `spec.expect`, or a file of expectations alone. Nothing here asks: only
who judges a trace knows whether they are met.
"""
