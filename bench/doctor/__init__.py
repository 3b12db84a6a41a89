"""`bench --doctor`: every fault on every place in which it shows, one by one and in pairs, and what the doctor finds.

The doctor is run as a person runs it, and is told nothing. Imports the product, and the labs that `losses` breaks.
"""
