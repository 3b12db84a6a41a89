"""Secrets and ServiceAccounts. Notation: see lab.api.schema.messages."""

from __future__ import annotations

TABLE = """
Secret: metadata=1:ObjectMeta data=2:{}bytes type=3:SecretType stringData=4:{}string immutable=5:?bool
ServiceAccount: metadata=1:ObjectMeta secrets=2:[]ObjectReference@name imagePullSecrets=3:[]LocalObjectReference
    automountServiceAccountToken=4:?bool
"""
