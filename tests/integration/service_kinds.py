"""A cluster with every kind of Service that kube-proxy knows, for tests that ask each of them from everywhere.

node-0 10.0.1.10: client, web-0 ── subnet-a ─┐                      ┌─ internet 203.0.113.53
                                             router ── gateway ─────┤
node-1 10.0.2.10: other, web-1, far ─ subnet-b ─┘
"""

from __future__ import annotations

from tests.integration.labs import Lab, finish

NODE_0, NODE_1 = "10.0.1.10", "10.0.2.10"
TUNNEL_0 = "10.244.0.0"

TOPOLOGY = """
apiVersion: hoplab/v1
kind: Topology
metadata: {name: kinds}
spec:
  subnets: [{name: subnet-a, cidr: 10.0.1.0/24}, {name: subnet-b, cidr: 10.0.2.0/24}]
  nodes: [{name: node-0, subnet: subnet-a}, {name: node-1, subnet: subnet-b}]
"""
PODS = """
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: node-0, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: web}}
spec: {nodeName: node-0, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other}
spec: {nodeName: node-1, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec: {nodeName: node-1, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, labels: {app: far}}
spec: {nodeName: node-1, containers: [{name: c, image: built-in}]}
"""
SERVICES = """
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: 172.16.30.1
  selector: {app: web}
  ports: [{name: t, port: 80, targetPort: 8080}, {name: u, port: 80, targetPort: 8080, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: open}
spec:
  type: LoadBalancer
  clusterIP: 172.16.30.2
  externalIPs: [198.51.100.12]
  selector: {app: far}
  ports:
    - {name: t, port: 80, targetPort: 8080, nodePort: 30082}
    - {name: u, port: 80, targetPort: 8080, nodePort: 30082, protocol: UDP}
status: {loadBalancer: {ingress: [{ip: 198.51.100.22}]}}
---
apiVersion: v1
kind: Service
metadata: {name: guarded}
spec:
  type: LoadBalancer
  clusterIP: 172.16.30.3
  loadBalancerSourceRanges: [10.0.1.0/24, 203.0.113.0/24]
  selector: {app: far}
  ports:
    - {name: t, port: 80, targetPort: 8080, nodePort: 30083}
    - {name: u, port: 80, targetPort: 8080, nodePort: 30083, protocol: UDP}
status: {loadBalancer: {ingress: [{ip: 198.51.100.23}]}}
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec:
  clusterIP: 172.16.30.4
  sessionAffinity: ClientIP
  selector: {app: web}
  ports: [{name: t, port: 80, targetPort: 8080}, {name: u, port: 80, targetPort: 8080, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: near}
spec:
  clusterIP: 172.16.30.5
  internalTrafficPolicy: Local
  selector: {app: far}
  ports: [{name: t, port: 80, targetPort: 8080}, {name: u, port: 80, targetPort: 8080, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: kept}
spec:
  type: LoadBalancer
  clusterIP: 172.16.30.6
  externalTrafficPolicy: Local
  healthCheckNodePort: 32106
  externalIPs: [198.51.100.16, 198.51.100.136]
  selector: {app: far}
  ports:
    - {name: t, port: 80, targetPort: 8080, nodePort: 30086}
    - {name: u, port: 80, targetPort: 8080, nodePort: 30086, protocol: UDP}
status: {loadBalancer: {ingress: [{ip: 198.51.100.26}, {ip: 198.51.100.146}]}}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec:
  type: LoadBalancer
  clusterIP: 172.16.30.7
  externalIPs: [198.51.100.17]
  selector: {app: nobody}
  ports:
    - {name: t, port: 80, nodePort: 30087}
    - {name: u, port: 80, nodePort: 30087, protocol: UDP}
    - {name: s, port: 80, nodePort: 30087, protocol: SCTP}
status: {loadBalancer: {ingress: [{ip: 198.51.100.27}]}}
---
apiVersion: v1
kind: Service
metadata: {name: both}
spec:
  type: NodePort
  clusterIP: 172.16.30.8
  internalTrafficPolicy: Local
  externalTrafficPolicy: Local
  selector: {app: far}
  ports: [{port: 80, targetPort: 8080, nodePort: 30088}]
---
apiVersion: v1
kind: Service
metadata: {name: leaving}
spec: {clusterIP: 172.16.30.9, ports: [{name: t, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: leaving-1, labels: {kubernetes.io/service-name: leaving}}
addressType: IPv4
ports: [{name: t, port: 8080}]
endpoints:
  - {addresses: [10.244.0.3], nodeName: node-0, conditions: {ready: false, serving: true, terminating: true}}
---
apiVersion: v1
kind: Service
metadata: {name: replaced}
spec:
  type: NodePort
  clusterIP: 172.16.30.10
  externalTrafficPolicy: Local
  ports: [{name: t, port: 80, nodePort: 30090}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: replaced-1, labels: {kubernetes.io/service-name: replaced}}
addressType: IPv4
ports: [{name: t, port: 8080}]
endpoints:
  - {addresses: [10.244.0.3], nodeName: node-0, conditions: {ready: false, serving: true, terminating: true}}
  - {addresses: [10.244.0.67], nodeName: node-1}
---
apiVersion: v1
kind: Service
metadata: {name: streams}
spec:
  type: NodePort
  clusterIP: 172.16.30.11
  selector: {app: far}
  ports: [{name: s, port: 80, targetPort: 8080, nodePort: 30091, protocol: SCTP}]
"""

# What somebody has to do for addresses that are no machine's: here, as with a load balancer of one's own, by routes.
# The upper half of the addresses is led to node-1, the rest, and ClusterIPs as well, to node-0.
ROUTES = {
    "internet": ("10.0.0.0/16 via 203.0.113.1", "172.16.0.0/16 via 203.0.113.1", "198.51.100.0/24 via 203.0.113.1"),
    "gateway": ("172.16.0.0/16 via 192.168.255.2", "198.51.100.0/24 via 192.168.255.2"),
    "router": (f"172.16.0.0/16 via {NODE_0}", f"198.51.100.0/25 via {NODE_0}", f"198.51.100.128/25 via {NODE_1}"),
}


UNLIMITED = "sysctl -qw net.ipv4.icmp_ratelimit=0"


def lead_in(lab: Lab) -> None:
    """Whoever is outside reaches nodes and Services' addresses from now on.

    And nodes say of every packet that it is refused: otherwise, to one client, after six only once in a second.
    """
    done = {place: "; ".join(f"ip route add {one}" for one in routes) for place, routes in ROUTES.items()}
    done |= {"node-0": UNLIMITED, "node-1": UNLIMITED}
    begun = [lab.start_exec(place, "sh", "-ec", command) for place, command in done.items()]
    for process in begun:
        finish(process).ok()
