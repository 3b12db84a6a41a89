"""What the kernel must follow while a lab lives: the API's changes, stopped components, impaired links.

`control` is the one loop of all that; the kernel is changed by one thread, the `writer`.
"""
