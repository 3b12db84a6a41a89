"""What a name may look like, as patterns for pydantic and JSON Schema both, and what to say when it does not."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# RFC 1123 label: names of nodes, subnets, namespaces.
LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
# RFC 1035 label: names of Services, which become names in DNS.
SERVICE_LABEL = r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"
# RFC 1123 subdomain: names of other Kubernetes objects, and of hosts.
SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?){0,30}$"
# A place and one of its interfaces.
CABLE = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/eth[0-9]{1,3}$"
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
LABEL_KEY = r"^([a-z0-9][-a-z0-9.]{0,251}[a-z0-9]/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"

REMEDIES = {
    LABEL: ("a name", "use 1 to 63 lower-case letters, digits and dashes, with a letter or digit at both ends"),
    SERVICE_LABEL: (
        "a name",
        "use 1 to 63 lower-case letters, digits and dashes; the first is a letter, the last not a dash",
    ),
    SUBDOMAIN: (
        "a name",
        "use lower-case letters, digits, dashes and dots, with a letter or digit at both ends of each part",
    ),
    CABLE: ("a place and its interface", "write it as node-0/eth0"),
    LABEL_VALUE: (
        "a label's value",
        "use at most 63 letters, digits, dashes, underscores and dots, with a letter or digit at both ends",
    ),
    LABEL_KEY: ("a label's key", "use a name such as 'app' or 'example.com/app'"),
}

Name = Annotated[str, Field(pattern=LABEL)]
DnsName = Annotated[str, Field(pattern=SUBDOMAIN, max_length=253)]
