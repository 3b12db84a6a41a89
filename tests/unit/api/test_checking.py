"""What the API refuses, in Kubernetes' own words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.api.kinds import check, complete, type_errors, unknown_fields
from lab.api.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    RESOURCES,
    SERVICES,
    Resource,
)
from lab.api.schema.messages import Message, root
from lab.api.tables.rows import table

Json = dict[str, Any]

META: Json = {"name": "x", "namespace": "shop"}
WEB: Json = {"name": "web", "image": "web:1"}


def causes(resource: Resource, item: Json, old: Json | None = None) -> list[str]:
    """Each mistake as a line of kubectl's."""
    new = complete(resource, {"metadata": META, **item})
    before = complete(resource, {"metadata": META, **old}) if old else None
    return [f"{cause.field}: {cause.message}" for cause in check(resource, new, before)]


def pod(*containers: Json, **spec: Any) -> Json:
    return {"spec": {"containers": list(containers), **spec}}


def service(*ports: Json, **spec: Any) -> Json:
    return {"spec": {"ports": list(ports), **spec}}


def deployment(labels: Json | None = None, template: Json | None = None, **spec: Any) -> Json:
    selector = {"matchLabels": labels or {"app": "web"}}
    made = {"metadata": {"labels": {"app": "web"}}, **pod(WEB), **(template or {})}
    return {"spec": {"selector": selector, "template": made, **spec}}


def container(**told: Any) -> Json:
    return pod({**WEB, **told})


SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LETTER_LABEL = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)

LONG = "must be no more than 63 characters"

NAMED = [
    (PODS, {**META, "name": "Web_1"}, f'metadata.name: Invalid value: "Web_1": {SUBDOMAIN}'),
    (SERVICES, {**META, "name": "1web"}, f'metadata.name: Invalid value: "1web": {LETTER_LABEL}'),
    (NAMESPACES, {"name": "a.b"}, 'metadata.name: Invalid value: "a.b": must not contain dots'),
    (NAMESPACES, {"name": "A_b"}, f'metadata.name: Invalid value: "A_b": {LABEL}'),
    (SERVICES, {**META, "name": "x" * 64}, f'metadata.name: Invalid value: "{"x" * 64}": {LONG}'),
    (PODS, {"namespace": "shop"}, "metadata.name: Required value: name or generateName is required"),
    (PODS, {"name": "x"}, "metadata.namespace: Required value"),
    (NODES, META, "metadata.namespace: Forbidden: not allowed on this type"),
]


@pytest.mark.parametrize(("resource", "metadata", "told"), NAMED)
def test_names(resource: Resource, metadata: Json, told: str) -> None:
    fitting = {PODS: pod(WEB), SERVICES: service({"port": 80})}
    assert causes(resource, {**fitting.get(resource, {}), "metadata": metadata}) == [told]


LABELLED = [
    ({"-x": "y"}, 'metadata.labels: Invalid value: "-x": name part must consist of alphanumeric characters'),
    ({"a/b/c": "y"}, 'metadata.labels: Invalid value: "a/b/c": a valid label key must consist of'),
    ({"/b": "y"}, 'metadata.labels: Invalid value: "/b": prefix part must be non-empty'),
    ({"a/": "y"}, 'metadata.labels: Invalid value: "a/": name part must be non-empty'),
    ({"A/b": "y"}, 'metadata.labels: Invalid value: "A/b": prefix part a lowercase RFC 1123 subdomain'),
    ({"a": "y z"}, 'metadata.labels: Invalid value: "y z": a valid label must be an empty string or consist of'),
    ({"a": "y" * 64}, f'metadata.labels: Invalid value: "{"y" * 64}": must be no more than 63 characters'),
]


@pytest.mark.parametrize(("labels", "told"), LABELLED)
def test_labels(labels: Json, told: str) -> None:
    [cause] = causes(CONFIGMAPS, {"metadata": {**META, "labels": labels}})
    assert cause.startswith(told)


def test_annotations_owners_and_finalizers() -> None:
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "1", "controller": True}
    metadata = {
        **META,
        "annotations": {"big": "x" * 300_000, "_": ""},
        "ownerReferences": [owner, {**owner, "name": "m", "uid": ""}],
        "finalizers": ["not one"],
    }
    told = causes(CONFIGMAPS, {"metadata": metadata})
    assert told[0].startswith('metadata.annotations: Invalid value: "_": name part must consist of')
    assert told[1] == "metadata.annotations: Too long: may not be more than 262144 bytes"
    assert told[2] == 'metadata.ownerReferences.uid: Invalid value: "": must not be empty'
    assert "Only one reference can have Controller set to true" in told[3]
    assert told[4].startswith('metadata.finalizers: Invalid value: "not one": name part must consist of')


RANGE = "must be between 1 and 65535, inclusive"
WRONG_PODS = {
    "no container": (pod(), "spec.containers: Required value"),
    "no image": (pod({"name": "web"}), "spec.containers[0].image: Required value"),
    "no name": (pod({"image": "web"}), "spec.containers[0].name: Required value"),
    "twice": (pod(WEB, WEB), 'spec.containers[1].name: Duplicate value: "web"'),
    "restart": (
        pod(WEB, restartPolicy="Sometimes"),
        'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    ),
    "pull": (
        container(imagePullPolicy="Perhaps"),
        'spec.containers[0].imagePullPolicy: Unsupported value: "Perhaps": supported values: '
        '"Always", "IfNotPresent", "Never"',
    ),
    "port": (
        container(ports=[{"containerPort": 70000}]),
        f"spec.containers[0].ports[0].containerPort: Invalid value: 70000: {RANGE}",
    ),
    "no port": (container(ports=[{}]), "spec.containers[0].ports[0].containerPort: Required value"),
    "protocol": (
        container(ports=[{"containerPort": 1, "protocol": "ICMP"}]),
        'spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ),
    "port names": (
        container(ports=[{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]),
        'spec.containers[0].ports[1].name: Duplicate value: "a"',
    ),
    "port name": (
        container(ports=[{"containerPort": 1, "name": "a--b"}]),
        'spec.containers[0].ports[0].name: Invalid value: "a--b": must not contain consecutive hyphens',
    ),
    "host ports": (
        pod(
            {**WEB, "ports": [{"containerPort": 1, "hostPort": 8080}]},
            {**WEB, "name": "b", "ports": [{"containerPort": 2, "hostPort": 8080}]},
        ),
        'spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//8080"',
    ),
    "no handler": (
        container(readinessProbe={"periodSeconds": 5}),
        "spec.containers[0].readinessProbe: Required value: must specify a handler type",
    ),
    "two handlers": (
        container(readinessProbe={"tcpSocket": {"port": 80}, "exec": {"command": ["true"]}}),
        "spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
    ),
    "liveness": (
        container(livenessProbe={"tcpSocket": {"port": 80}, "successThreshold": 2}),
        "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
    ),
    "probe's port": (
        container(readinessProbe={"httpGet": {"port": 0}}),
        f"spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: {RANGE}",
    ),
    "probe's time": (
        container(readinessProbe={"tcpSocket": {"port": 80}, "periodSeconds": -1}),
        "spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
    ),
    "mount": (
        container(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ),
    "limit": (
        container(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ),
    "init probe": (
        pod(WEB, initContainers=[{**WEB, "name": "i", "readinessProbe": {"tcpSocket": {"port": 1}}}]),
        "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers "
        "without restartPolicy=Always",
    ),
    "hostname": (pod(WEB, hostname="a.b"), 'spec.hostname: Invalid value: "a.b": must not contain dots'),
    "dns": (
        pod(WEB, dnsPolicy="None"),
        "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
    ),
    "no nameserver's address": (
        pod(WEB, dnsConfig={"nameservers": ["dns.example"]}),
        'spec.dnsConfig.nameservers[0]: Invalid value: "dns.example": must be a valid IP address, '
        "(e.g. 10.9.8.7 or 2001:db8::ffff)",
    ),
    "nameservers": (
        pod(WEB, dnsConfig={"nameservers": ["10.0.0.1"] * 4}),
        'spec.dnsConfig.nameservers: Invalid value: ["10.0.0.1","10.0.0.1","10.0.0.1","10.0.0.1"]: '
        "must not have more than 3 nameservers",
    ),
    "search domains": (
        pod(WEB, dnsConfig={"searches": ["a"] * 33}),
        f"spec.dnsConfig.searches: Invalid value: {json.dumps(['a'] * 33, separators=(',', ':'))}: "
        "must not have more than 32 search paths",
    ),
    "resolver's option": (
        pod(WEB, dnsConfig={"options": [{"value": "2"}]}),
        "spec.dnsConfig.options[0]: Required value: must not be empty",
    ),
    "alias's address": (
        pod(WEB, hostAliases=[{"ip": "here", "hostnames": ["a"]}]),
        'spec.hostAliases[0].ip: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ),
    "toleration": (
        pod(WEB, tolerations=[{"key": "a", "operator": "Near"}]),
        'spec.tolerations[0].operator: Unsupported value: "Near": supported values: "Equal", "Exists"',
    ),
    "volumes": (
        pod(WEB, volumes=[{"name": "v"}, {"name": "v"}]),
        'spec.volumes[1].name: Duplicate value: "v"',
    ),
    "two sources": (
        pod(WEB, volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]),
        "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
    ),
}


@pytest.mark.parametrize(("item", "told"), WRONG_PODS.values(), ids=WRONG_PODS)
def test_pods(item: Json, told: str) -> None:
    assert causes(PODS, item) == [told]


def test_a_pod_may_ask_for_its_nodes_network_and_for_every_kind_of_resolver() -> None:
    assert causes(PODS, pod(WEB, hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet")) == []
    config = {"nameservers": ["10.0.0.1", "fd00::1"], "searches": [".", "_x.example.com."], "options": [{"name": "a"}]}
    assert causes(PODS, pod(WEB, dnsPolicy="None", dnsConfig=config)) == []


def test_sctp_is_allowed() -> None:
    assert causes(PODS, container(ports=[{"containerPort": 1, "protocol": "SCTP"}])) == []
    assert causes(SERVICES, service({"port": 1, "protocol": "SCTP"})) == []


WRONG_SERVICES = {
    "no ports": (service(), "spec.ports: Required value"),
    "port": (service({"port": 0, "targetPort": 80}), f"spec.ports[0].port: Invalid value: 0: {RANGE}"),
    "target": (service({"port": 80, "targetPort": 70000}), f"spec.ports[0].targetPort: Invalid value: 70000: {RANGE}"),
    "target's name": (
        service({"port": 80, "targetPort": "a/b"}),
        'spec.ports[0].targetPort: Invalid value: "a/b": must contain only alpha-numeric characters '
        "(a-z, 0-9), and hyphens (-)",
    ),
    "type": (
        service({"port": 80}, type="Portal"),
        'spec.type: Unsupported value: "Portal": supported values: "ClusterIP", "ExternalName", '
        '"LoadBalancer", "NodePort"',
    ),
    "same port": (
        service({"name": "a", "port": 80}, {"name": "b", "port": 80}),
        'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}',
    ),
    "same name": (
        service({"name": "a", "port": 80}, {"name": "a", "port": 81}),
        'spec.ports[1].name: Duplicate value: "a"',
    ),
    "no name": (service({"name": "a", "port": 80}, {"port": 81}), "spec.ports[1].name: Required value"),
    "node port": (
        service({"port": 80, "nodePort": 80}, type="NodePort"),
        "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The "
        "range of valid ports is 30000-32767",
    ),
    "no node port": (
        service({"port": 80, "nodePort": 30080}),
        "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ),
    "external": (service(type="ExternalName"), "spec.externalName: Required value"),
    "external name": (
        service(type="ExternalName", externalName="a_b"),
        f'spec.externalName: Invalid value: "a_b": {SUBDOMAIN}',
    ),
    "headless": (
        service({"port": 80}, type="NodePort", clusterIP="None"),
        "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
    ),
    "affinity": (
        service({"port": 80}, sessionAffinity="Always"),
        'spec.sessionAffinity: Unsupported value: "Always": supported values: "ClientIP", "None"',
    ),
    "affinity's time": (
        service(
            {"port": 80}, sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 90000}}
        ),
        "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 90000: must be greater "
        "than 0 and less than 86400",
    ),
    "address": (
        service({"port": 80}, clusterIP="somewhere"),
        'spec.clusterIPs[0]: Invalid value: "somewhere": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ),
    "IPv6": (
        service({"port": 80}, clusterIP="fd00::1"),
        'spec.clusterIPs[0]: Invalid value: "fd00::1": this lab\'s cluster has IPv4 addresses only',
    ),
    "IPv6 family": (
        service({"port": 80}, ipFamilies=["IPv6"]),
        'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
    ),
    "loopback": (
        service({"port": 80}, externalIPs=["127.0.0.1"]),
        'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ),
    "policy": (
        service({"port": 80}, type="NodePort", externalTrafficPolicy="Nearby"),
        'spec.externalTrafficPolicy: Unsupported value: "Nearby": supported values: "Cluster", "Local"',
    ),
    "no policy": (
        service({"port": 80}, externalTrafficPolicy="Local"),
        'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ),
    "selector": (
        service({"port": 80}, selector={"a": "b c"}),
        'spec.selector: Invalid value: "b c": a valid label must be an empty string or consist of '
        "alphanumeric characters, "
        "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
        "'my_value',  or '12345', "
        "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ),
}


@pytest.mark.parametrize(("item", "told"), WRONG_SERVICES.values(), ids=WRONG_SERVICES)
def test_services(item: Json, told: str) -> None:
    assert causes(SERVICES, item) == [told]


WRONG_DEPLOYMENTS = {
    "no selector": (deployment(selector=None), "spec.selector: Required value"),
    "all pods": (
        deployment(selector={}),
        "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
    ),
    "other pods": (
        deployment({"app": "api"}),
        'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ),
    "operator": (
        deployment(selector={"matchExpressions": [{"key": "app", "operator": "Is"}]}),
        'spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
    ),
    "replicas": (deployment(replicas=-1), "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
    "strategy": (
        deployment(strategy={"type": "Slowly"}),
        'spec.strategy.type: Unsupported value: "Slowly": supported values: "Recreate", "RollingUpdate"',
    ),
    "recreate": (
        deployment(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
        "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ),
    "stuck": (
        deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
        "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
    ),
    "restart": (
        deployment(template=pod(WEB, restartPolicy="Never")),
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ),
    "container": (
        deployment(template=pod({"name": "web"})),
        "spec.template.spec.containers[0].image: Required value",
    ),
}


@pytest.mark.parametrize(("item", "told"), WRONG_DEPLOYMENTS.values(), ids=WRONG_DEPLOYMENTS)
def test_deployments(item: Json, told: str) -> None:
    assert causes(DEPLOYMENTS, item) == [told]


def test_what_may_change_and_what_may_not() -> None:
    new = pod({**WEB, "image": "web:2"}, activeDeadlineSeconds=5)
    assert causes(PODS, new, pod(WEB, activeDeadlineSeconds=10)) == []
    [told] = causes(PODS, pod({**WEB, "command": ["true"]}), pod(WEB))
    assert told.startswith("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,")
    assert '\n- containers: [{"' in told, "it says what was"
    assert causes(PODS, pod(WEB, {**WEB, "name": "b"}), pod(WEB)) == [
        "spec.containers: Forbidden: pod updates may not add or remove containers"
    ]
    address = {"clusterIP": "172.16.0.9"}
    [told] = causes(SERVICES, service({"port": 80}, clusterIP="172.16.0.8"), service({"port": 80}, **address))
    assert told == 'spec.clusterIPs[0]: Invalid value: ["172.16.0.8"]: may not change once set'
    external = service(type="ExternalName", externalName="example.com")
    assert causes(SERVICES, external, service({"port": 80}, **address)) == []
    labels = {"app": "api"}
    relabelled = {"metadata": {"labels": labels}, **pod(WEB)}
    [told] = causes(DEPLOYMENTS, deployment(labels, relabelled), deployment())
    assert told == 'spec.selector: Invalid value: {"matchLabels":{"app":"api"}}: field is immutable'
    assert causes(DEPLOYMENTS, deployment(replicas=5), deployment()) == []
    slice_ = {"addressType": "IPv4", "endpoints": [], "ports": []}
    assert causes(ENDPOINTSLICES, {**slice_, "addressType": "FQDN"}, slice_) == [
        'addressType: Invalid value: "FQDN": field is immutable'
    ]


def test_slices_endpoints_configmaps_nodes_and_events() -> None:
    slice_ = {"addressType": "IPv4", "endpoints": [{"addresses": ["here"]}, {}], "ports": [{}, {"name": ""}]}
    assert causes(ENDPOINTSLICES, slice_) == [
        'endpoints[0].addresses[0]: Invalid value: "here": must be a valid IPv4 address',
        "endpoints[1].addresses: Required value: must contain at least 1 address",
        'ports[1].name: Duplicate value: ""',
    ]
    assert causes(ENDPOINTSLICES, {}) == ["addressType: Required value"]
    hinted = {"addresses": ["192.0.2.1"], "hints": {"forZones": [{"name": "a b"}, {"name": "x"}, {"name": "x"}]}}
    crowded = {"addresses": ["192.0.2.1"], "hints": {"forNodes": [{"name": f"node-{i}"} for i in range(9)]}}
    wrong = causes(ENDPOINTSLICES, {"addressType": "IPv4", "endpoints": [hinted, crowded], "ports": []})
    assert [one.partition(": ")[0] for one in wrong] == [
        "endpoints[0].hints.forZones[0].name",
        "endpoints[0].hints.forZones[2].name",
        "endpoints[1].hints.forNodes",
    ]
    assert causes(ENDPOINTS, {"subsets": [{}]}) == [
        "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"
    ]
    [told] = causes(CONFIGMAPS, {"data": {"a b": ""}})
    assert told.startswith('data[a b]: Invalid value: "a b": a valid config key must consist of')
    kept = {"data": {"a": "1"}, "immutable": True}
    assert causes(CONFIGMAPS, {**kept, "data": {"a": "2"}}, kept) == [
        "data: Forbidden: field is immutable when `immutable` is set"
    ]
    node = {"metadata": {"name": "x"}, "spec": {"taints": [{"key": "a", "effect": "Run"}]}}
    assert causes(NODES, node) == [
        'spec.taints[0].effect: Unsupported value: "Run": supported values: "NoSchedule", '
        '"PreferNoSchedule", "NoExecute"'
    ]
    assert causes(EVENTS, {"involvedObject": {"namespace": "other"}}) == [
        'involvedObject.namespace: Invalid value: "other": does not match event.namespace'
    ]
    assert causes(REPLICASETS, deployment()) == []


TYPES = [
    (SERVICES, service({"port": "80"}), "string into Go struct field ServicePort.spec.ports.port of type int32"),
    (SERVICES, service({"port": 80.5}), "number 80.5 into Go struct field ServicePort.spec.ports.port of type int32"),
    (SERVICES, {"spec": []}, "array into Go struct field Service.spec of type v1.ServiceSpec"),
    (
        SERVICES,
        {"spec": {"selector": {"a": 1}}},
        "number into Go struct field ServiceSpec.spec.selector of type string",
    ),
    (SERVICES, service({"port": 80, "targetPort": True}), "bool into Go value of type int32"),
    (SERVICES, {"spec": {"type": 1}}, "number into Go struct field ServiceSpec.spec.type of type v1.ServiceType"),
    (
        DEPLOYMENTS,
        {"spec": {"replicas": "3"}},
        "string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        PODS,
        {"metadata": {"labels": {"a": True}}},
        "bool into Go struct field ObjectMeta.metadata.labels of type string",
    ),
    (PODS, {"spec": {"containers": {}}}, "object into Go struct field PodSpec.spec.containers of type []v1.Container"),
    (
        PODS,
        {"spec": {"containers": ["web"]}},
        "string into Go struct field PodSpec.spec.containers of type v1.Container",
    ),
    (
        PODS,
        container(readinessProbe={"httpGet": "/"}),
        "string into Go struct field ProbeHandler.spec.containers.readinessProbe.httpGet of type v1.HTTPGetAction",
    ),
    (CONFIGMAPS, {"data": {"a": 1}}, "number into Go struct field ConfigMap.data of type string"),
]


@pytest.mark.parametrize(("resource", "item", "told"), TYPES)
def test_values_of_a_wrong_type(resource: Resource, item: Json, told: str) -> None:
    assert type_errors(resource, item) == f"json: cannot unmarshal {told}"


def test_values_of_the_right_type() -> None:
    item = container(ports=[{"containerPort": 80}], readinessProbe={"tcpSocket": {"port": "http"}})
    assert type_errors(PODS, item) is None
    assert type_errors(PODS, {"metadata": {"creationTimestamp": None, "unknown": 1}}) is None
    assert type_errors(PODS, container(resources={"limits": {"cpu": 1, "memory": "1Gi"}})) is None
    told = type_errors(PODS, {"metadata": {"deletionTimestamp": "soon"}})
    assert told is not None
    assert told.startswith('parsing time "soon" as "2006-01-02T15:04:05Z07:00"')


def test_unknown_fields_are_told_by_their_paths() -> None:
    item = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"label": {}, "labels": {"any": "thing"}},
        "spec": {"prots": [], "ports": [{"port": 80}, {"prot": "TCP"}]},
    }
    assert unknown_fields(SERVICES, item) == ["metadata.label", "spec.prots", "spec.ports[1].prot"]
    assert unknown_fields(PODS, container(readinessProbe={"httpGet": {"port": 80}, "every": 5})) == [
        "spec.containers[0].readinessProbe.every"
    ]


TEXTS = st.sampled_from(
    ["", "x", "None", "TCP", "fd00::1", "10.0.0.1", "-1", "25%", "IPv4", "ExternalName", "NodePort"]
)
NUMBERS = st.sampled_from([-1, 0, 1, 80, 30_080, 70_000])
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "bytes": st.just("AA=="),
    "int32": NUMBERS,
    "int64": NUMBERS,
    "bool": st.booleans(),
    "IntOrString": NUMBERS | TEXTS,
    "Quantity": st.sampled_from(["", "1", "-1", "500m", "1Gi", "1e3", "x", 2]),
    "Time": st.just("2024-05-01T12:00:00Z"),
    "MicroTime": st.just("2024-05-01T12:00:00.000000Z"),
    "FieldsV1": st.just({}),
}


@st.composite
def written(draw: st.DrawFn, schema: Message) -> Json:
    """Any object of a kind that the decoder lets through: a few fields of each message, nulls among them."""
    item: Json = {}
    for field in draw(st.lists(st.sampled_from(list(schema.fields.values())), max_size=5, unique_by=lambda f: f.name)):
        one = written(field.message) if field.is_message else LEAVES[field.type]
        one = one if draw(st.integers(0, 9)) else st.none()
        shapes = {"list": st.lists(one, max_size=2), "map": st.dictionaries(TEXTS, one, max_size=2), "one": one}
        item[field.name] = draw(shapes[field.shape])
    return item


@given(st.data(), st.sampled_from(RESOURCES))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_object_of_the_right_types_is_completed_and_checked(data: st.DataObject, resource: Resource) -> None:
    schema = root(resource.message)
    item = data.draw(written(schema))
    if "spec" in schema.fields and not item.get("spec"):
        item["spec"] = data.draw(written(schema.fields["spec"].message))
    assert type_errors(resource, item) is None
    assert unknown_fields(resource, item) == []
    made = complete(resource, {**item, "metadata": {**META, **(item.get("metadata") or {})}})
    assert complete(resource, made) == made
    assert type_errors(resource, made) is None
    check(resource, made, None)
    changed = {**made, **({"spec": data.draw(written(schema.fields["spec"].message))} if "spec" in made else {})}
    check(resource, complete(resource, changed), made)
    table(resource, [{**made, "metadata": {**made["metadata"], **META}}], "2024-05-01T12:00:00Z")
