"""Losses by what looks at packets: firewalls, translations, rules that nobody designed, connection tracking, IPsec."""
