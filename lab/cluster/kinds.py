"""Which kinds of Kubernetes objects mean something here, which are passed over, and which nobody knows."""

from __future__ import annotations

from lab.cluster import manifests

LIST = ("v1", "List")

MODELS: dict[tuple[str, str], type[manifests.Object]] = {
    ("v1", "Namespace"): manifests.Namespace,
    ("v1", "Pod"): manifests.Pod,
    ("v1", "Service"): manifests.Service,
    ("apps/v1", "Deployment"): manifests.Deployment,
    ("discovery.k8s.io/v1", "EndpointSlice"): manifests.EndpointSlice,
}

# Kubernetes' own kinds that change nothing in this network, or not yet; by apiVersion.
_PASSED_OVER = {
    "v1": "ConfigMap Endpoints Event LimitRange Node PersistentVolume PersistentVolumeClaim PodTemplate "
    "ReplicationController ResourceQuota Secret ServiceAccount",
    "apps/v1": "ControllerRevision DaemonSet ReplicaSet StatefulSet",
    "autoscaling/v1": "HorizontalPodAutoscaler",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "coordination.k8s.io/v1": "Lease",
    "networking.k8s.io/v1": "Ingress IngressClass NetworkPolicy",
    "node.k8s.io/v1": "RuntimeClass",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver CSINode StorageClass VolumeAttachment",
    "admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apiregistration.k8s.io/v1": "APIService",
}
PASSED_OVER = frozenset((version, kind) for version, kinds in _PASSED_OVER.items() for kind in kinds.split())

# Kinds whose absence changes who is reachable: the warning says so.
CONSEQUENCES = {
    "DaemonSet": "its pods are not made",
    "Endpoints": "write an EndpointSlice instead",
    "Job": "its pods are not made",
    "NetworkPolicy": "it filters nothing here",
    "ReplicaSet": "its pods are not made; write a Deployment instead",
    "ReplicationController": "its pods are not made; write a Deployment instead",
    "StatefulSet": "its pods are not made",
}


def versions_of(kind: str) -> list[str]:
    """The apiVersions in which Kubernetes has the kind."""
    return sorted(version for version, name in {*MODELS, *PASSED_OVER, LIST} if name == kind)


def known_kinds() -> list[str]:
    """All kinds that may stand in a file."""
    return sorted({name for _, name in {*MODELS, *PASSED_OVER, LIST}})
