"""What a pod must look like, its own or in a template: containers, probes, volumes, resolver, quantities.

Source: kube-apiserver's defaults and validation.
"""
