"""Which kinds of Kubernetes objects the lab has, and which it leaves out, with what that means for traffic."""

from __future__ import annotations

from lab.cluster.file import manifests

LIST = ("v1", "List")

MODELS: dict[tuple[str, str], type[manifests.Object]] = {
    ("v1", "Namespace"): manifests.Namespace,
    ("v1", "Pod"): manifests.Pod,
    ("v1", "Service"): manifests.Service,
    ("apps/v1", "Deployment"): manifests.Deployment,
    ("discovery.k8s.io/v1", "EndpointSlice"): manifests.EndpointSlice,
    ("v1", "ConfigMap"): manifests.Stored,
    ("v1", "Endpoints"): manifests.Stored,
    ("v1", "Event"): manifests.Stored,
    ("v1", "Node"): manifests.StoredClusterWide,
    ("v1", "Secret"): manifests.Stored,
    ("v1", "ServiceAccount"): manifests.Stored,
    ("apps/v1", "ReplicaSet"): manifests.Stored,
    ("events.k8s.io/v1", "Event"): manifests.Stored,
    ("networking.k8s.io/v1", "IPAddress"): manifests.StoredClusterWide,
    ("networking.k8s.io/v1", "ServiceCIDR"): manifests.StoredClusterWide,
}
"""The kinds that the API stores, by apiVersion and kind."""

STORED_ONLY = frozenset(
    one for one, model in MODELS.items() if model in (manifests.Stored, manifests.StoredClusterWide)
)
"""Those of them that the network is not made of."""

# Kubernetes' own kinds that the API does not store, by apiVersion.
_LEFT_OUT = {
    "v1": "LimitRange PersistentVolume PersistentVolumeClaim PodTemplate ReplicationController ResourceQuota",
    "apps/v1": "ControllerRevision DaemonSet StatefulSet",
    "autoscaling/v1": "HorizontalPodAutoscaler",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "certificates.k8s.io/v1": "CertificateSigningRequest",
    "coordination.k8s.io/v1": "Lease",
    "flowcontrol.apiserver.k8s.io/v1": "FlowSchema PriorityLevelConfiguration",
    "networking.k8s.io/v1": "Ingress IngressClass NetworkPolicy",
    "node.k8s.io/v1": "RuntimeClass",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment",
    "admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration ValidatingAdmissionPolicy "
    "ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apiregistration.k8s.io/v1": "APIService",
}
_OWN = frozenset((version, kind) for version, kinds in _LEFT_OUT.items() for kind in kinds.split())

_FORBIDS = "it would have forbidden traffic of the pods that it selects; here nothing is forbidden"
_FORBIDS_EVERYWHERE = "it would have forbidden or allowed traffic in the whole cluster; here nothing is forbidden"
_ROUTES = "it would have routed requests from outside to Services; here nothing does"
_STEERS = "it would have had proxies steer requests between Services; here there are none"

# What a kind would have meant for traffic. Of those that are not named it is nothing.
_MEANT = {
    "CronJob": "it would have run pods at its times",
    "DaemonSet": "it would have run a pod on each node",
    "Ingress": _ROUTES,
    "Job": "it would have run pods until they are done",
    "MutatingWebhookConfiguration": "it would have had a webhook change objects, such as by a sidecar in each pod",
    "NetworkPolicy": _FORBIDS,
    "ReplicationController": "it would have run pods; a Deployment does",
    "StatefulSet": "it would have run pods, each with a name of its own in DNS",
}

# Kinds of well-known additions, in any of their versions, by group.
_ADDITIONS: dict[str, dict[str, str]] = {
    "cilium.io": {"CiliumNetworkPolicy": _FORBIDS, "CiliumClusterwideNetworkPolicy": _FORBIDS_EVERYWHERE},
    "crd.projectcalico.org": {"NetworkPolicy": _FORBIDS, "GlobalNetworkPolicy": _FORBIDS_EVERYWHERE},
    "projectcalico.org": {"NetworkPolicy": _FORBIDS, "GlobalNetworkPolicy": _FORBIDS_EVERYWHERE},
    "gateway.networking.k8s.io": dict.fromkeys(
        ("Gateway", "GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute"), _ROUTES
    ),
    "networking.istio.io": dict.fromkeys(
        ("DestinationRule", "Gateway", "ServiceEntry", "Sidecar", "VirtualService"), _STEERS
    ),
    "policy.networking.k8s.io": dict.fromkeys(
        ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"), _FORBIDS_EVERYWHERE
    ),
    "security.istio.io": {"AuthorizationPolicy": _FORBIDS, "PeerAuthentication": _STEERS},
}


def consequence(version: str, kind: str) -> str | None:
    """What it would have meant for traffic that a kind is left out, as a sentence; "" for nothing. None for a kind that
    is not known, or not left out.
    """
    if (version, kind) in _OWN:
        return _MEANT.get(kind, "")
    return _ADDITIONS.get(version.rpartition("/")[0], {}).get(kind)


def versions_of(kind: str) -> list[str]:
    """The apiVersions in which Kubernetes has the kind."""
    return sorted(version for version, name in {*MODELS, *_OWN, LIST} if name == kind)


def known_kinds() -> list[str]:
    """All kinds that may stand in a file."""
    return sorted({name for _, name in {*MODELS, *_OWN, LIST}})


def groups() -> frozenset[str]:
    """The groups of these kinds, "" for the core group."""
    return frozenset(version.rpartition("/")[0] for version, _ in {*MODELS, *_OWN})
