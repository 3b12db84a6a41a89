"""A lab that is up, as Python programs and tests have it: its traces, its commands, and its places in the words of
pyroute2 and scapy. Only the pytest fixture stands above it.
"""
