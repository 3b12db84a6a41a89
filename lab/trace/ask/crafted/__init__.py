"""Packets that a person wrote in scapy's words: what they leave out, and in a trace how they are read and sent.

All that scapy is imported for lives here and in `lab/running`; nothing of it is imported before such a packet is there.
"""
