"""From a file's text to the network that it means, and from one network to the next one of a lab that lives.

It decides and acts on nothing; `lab.agent.lab` has the kernel follow.
"""
