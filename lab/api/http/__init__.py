"""What clients send and want back, without the transport that carries it: paths, parameters, bodies and their forms.

Everything is understood here and nothing done; `lab.api.handler` does it.
"""
