"""What calicoctl says of a lab, as of Calico 3.32: its commands, columns, words and statuses.

Pure: the agent hands in what there is (`seen`) and asks the kernel whether a BGP session could be.
"""
