"""`bench --attack`: whatever may be done to a lab is done to it, at random, and what must hold is looked at.

`kinds/` has what is tried, one file a kind; `scene` is the lab that it is tried on; the rest judges, counts and tells.
Nothing of it is known to the lab, and the tests run it for two minutes with a new seed.
"""
