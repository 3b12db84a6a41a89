"""A running lab as one file, as a bundle that a colleague reads without Hoplab, and brought up again to be compared.
What is read of a bundle is data: nothing of it is ever run on the machine.
"""
