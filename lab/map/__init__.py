"""A lab as its readers see it: its places, how they are joined, Services and names, and the way a packet should take.

Pure. A trace, a drawing and a finding need this and not the objects of the design.
"""
