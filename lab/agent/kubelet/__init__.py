"""What a kubelet does with the pods of its node: probes, commands run in them, their logs, when they start anew.

It acts inside the sandbox, on the agent's loop; it decides nothing about the cluster. Only lab.agent imports it.
"""
