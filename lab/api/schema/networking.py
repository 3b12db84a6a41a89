"""ServiceCIDRs and IPAddresses. Notation: see lab.api.schema.messages."""

from __future__ import annotations

TABLE = """
IPAddress: metadata=1:ObjectMeta spec=2:IPAddressSpec
IPAddressSpec: parentRef=1:?ParentReference
ParentReference: group=1 resource=2 namespace=3 name=4
ServiceCIDR: metadata=1:ObjectMeta spec=2:ServiceCIDRSpec status=3:ServiceCIDRStatus
ServiceCIDRSpec: cidrs=1:[]string
ServiceCIDRStatus: conditions=1:[]Condition@type
"""
