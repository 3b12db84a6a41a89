"""Services, Endpoints and EndpointSlices. Notation: see lab.api.schema.messages."""

from __future__ import annotations

TABLE = """
ClientIPConfig: timeoutSeconds=1:?int32
Endpoint: addresses=1:[]string conditions=2:EndpointConditions hostname=3:?string targetRef=4:?ObjectReference!
    deprecatedTopology=5:{}string nodeName=6:?string zone=7:?string hints=8:?EndpointHints
EndpointAddress: ip=1 targetRef=2:?ObjectReference! hostname=3 nodeName=4:?string
EndpointConditions: ready=1:?bool serving=2:?bool terminating=3:?bool
EndpointHints: forZones=1:[]ForZone forNodes=2:[]ForNode
EndpointPort: name=1 port=2:int32 protocol=3:Protocol appProtocol=4:?string
EndpointSlice: metadata=1:ObjectMeta endpoints=2:[]Endpoint ports=3:[]discovery.EndpointPort addressType=4:AddressType
EndpointSubset: addresses=1:[]EndpointAddress notReadyAddresses=2:[]EndpointAddress ports=3:[]EndpointPort
Endpoints: metadata=1:ObjectMeta subsets=2:[]EndpointSubset
ForNode: name=1
ForZone: name=1
LoadBalancerIngress: ip=1 hostname=2 ipMode=3:?LoadBalancerIPMode ports=4:[]PortStatus
LoadBalancerStatus: ingress=1:[]LoadBalancerIngress
PortStatus: port=1:int32 protocol=2:Protocol error=3:?string
Service: metadata=1:ObjectMeta spec=2:ServiceSpec status=3:ServiceStatus
ServicePort: name=1 protocol=2:Protocol port=3:int32 targetPort=4:IntOrString nodePort=5:int32 appProtocol=6:?string
ServiceSpec: ports=1:[]ServicePort@port/protocol selector=2:{}string! clusterIP=3 type=4:ServiceType
    externalIPs=5:[]string sessionAffinity=7:ServiceAffinity loadBalancerIP=8 loadBalancerSourceRanges=9:[]string
    externalName=10 externalTrafficPolicy=11:ServiceExternalTrafficPolicy healthCheckNodePort=12:int32
    publishNotReadyAddresses=13:bool sessionAffinityConfig=14:?SessionAffinityConfig ipFamilyPolicy=17:?IPFamilyPolicy
    clusterIPs=18:[]string ipFamilies=19:[]IPFamily allocateLoadBalancerNodePorts=20:?bool
    loadBalancerClass=21:?string internalTrafficPolicy=22:?ServiceInternalTrafficPolicy trafficDistribution=23:?string
ServiceStatus: loadBalancer=1:LoadBalancerStatus conditions=2:[]Condition@type
SessionAffinityConfig: clientIP=1:?ClientIPConfig
discovery.EndpointPort: name=1:?string protocol=2:?Protocol port=3:?int32 appProtocol=4:?string
"""
