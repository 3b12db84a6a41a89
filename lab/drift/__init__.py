"""What people changed by hand in a lab, as a topology's file has it (`spec.drift`): told of two networks, judged, and
made again. Pure; it may import the plan and all below it, and the agent imports it where a file has such.
"""
