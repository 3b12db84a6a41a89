"""Losses at the two ends: nobody listens, no endpoint, a client's own resolver."""
