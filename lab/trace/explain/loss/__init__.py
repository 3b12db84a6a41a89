"""Why a request or its answer was lost: the place, the object, one plain sentence, and the commands that mend it.

`gathering` asks the kernel and the agent; all the rest is pure: facts in, a finding out. `classify` has the table of
what is looked for.
"""
