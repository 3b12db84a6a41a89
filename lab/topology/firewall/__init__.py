"""Firewalls as their author gives them: rules in iptables' words, files of iptables-save and ipset save, whose
chains these are.
"""
