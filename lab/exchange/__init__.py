"""What goes out of a lab and comes into one: a real cluster's dumps, a running lab as a file, a bundle for a colleague.
It asks the agent, the doctor and traces; tasks and the workshop may import it.
"""
