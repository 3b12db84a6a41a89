"""The commands' end of the agent's socket: how they ask a running lab, start the agent of a new one, and end one.

Nothing here waits for ever for an agent that says nothing. Everything above the agent may import it.
"""
