"""How a lab is found, and how it stays findable: the name that its agent holds in the kernel, and the folder that it
watches and makes anew.
"""
