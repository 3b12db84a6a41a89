"""One module per kind of rtnetlink object: `add`, `change` and `remove` make requests, `read` gives the objects a
dump tells of.

Device names become indexes through a mapping name -> index of the place; numbers are those of the kernel's uapi
headers.
"""
