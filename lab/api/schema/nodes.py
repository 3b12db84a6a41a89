"""Nodes, Namespaces, ConfigMaps, Events, Bindings. Notation: see lab.api.schema.messages."""

from __future__ import annotations

TABLE = """
AttachedVolume: name=1:UniqueVolumeName devicePath=2
Binding: metadata=1:ObjectMeta target=2:ObjectReference!
ConfigMap: metadata=1:ObjectMeta data=2:{}string binaryData=3:{}bytes immutable=4:?bool
ConfigMapNodeConfigSource: namespace=1 name=2 uid=3:types.UID resourceVersion=4 kubeletConfigKey=5
ContainerImage: names=1:[]string sizeBytes=2:int64
DaemonEndpoint: Port=1:int32
Event: metadata=1:ObjectMeta involvedObject=2:ObjectReference! reason=3 message=4 source=5:EventSource
    firstTimestamp=6:Time lastTimestamp=7:Time count=8:int32 type=9 eventTime=10:MicroTime series=11:?EventSeries
    action=12 related=13:?ObjectReference! reportingComponent=14 reportingInstance=15
events.Event: metadata=1:ObjectMeta eventTime=2:MicroTime series=3:?EventSeries reportingController=4
    reportingInstance=5 action=6 reason=7 regarding=8:ObjectReference! related=9:?ObjectReference! note=10 type=11
    deprecatedSource=12:EventSource deprecatedFirstTimestamp=13:Time deprecatedLastTimestamp=14:Time
    deprecatedCount=15:int32
EventSeries: count=1:int32 lastObservedTime=2:MicroTime
EventSource: component=1 host=2
Namespace: metadata=1:ObjectMeta spec=2:NamespaceSpec status=3:NamespaceStatus
NamespaceCondition: type=1:NamespaceConditionType status=2:ConditionStatus lastTransitionTime=4:Time reason=5
    message=6
NamespaceSpec: finalizers=1:[]FinalizerName
NamespaceStatus: phase=1:NamespacePhase conditions=2:[]NamespaceCondition@type
Node: metadata=1:ObjectMeta spec=2:NodeSpec status=3:NodeStatus
NodeAddress: type=1:NodeAddressType address=2
NodeCondition: type=1:NodeConditionType status=2:ConditionStatus lastHeartbeatTime=3:Time lastTransitionTime=4:Time
    reason=5 message=6
NodeConfigSource: configMap=2:?ConfigMapNodeConfigSource
NodeConfigStatus: assigned=1:?NodeConfigSource active=2:?NodeConfigSource lastKnownGood=3:?NodeConfigSource error=4
NodeDaemonEndpoints: kubeletEndpoint=1:DaemonEndpoint
NodeFeatures: supplementalGroupsPolicy=1:?bool
NodeRuntimeHandler: name=1 features=2:?NodeRuntimeHandlerFeatures
NodeRuntimeHandlerFeatures: recursiveReadOnlyMounts=1:?bool userNamespaces=2:?bool
NodeSpec: podCIDR=1 externalID=2 providerID=3 unschedulable=4:bool taints=5:[]Taint configSource=6:?NodeConfigSource
    podCIDRs=7:[]string@
NodeStatus: capacity=1:{}Quantity allocatable=2:{}Quantity phase=3:NodePhase conditions=4:[]NodeCondition@type
    addresses=5:[]NodeAddress@type daemonEndpoints=6:NodeDaemonEndpoints nodeInfo=7:NodeSystemInfo
    images=8:[]ContainerImage volumesInUse=9:[]UniqueVolumeName volumesAttached=10:[]AttachedVolume
    config=11:?NodeConfigStatus runtimeHandlers=12:[]NodeRuntimeHandler features=13:?NodeFeatures
    declaredFeatures=14:[]string
NodeSwapStatus: capacity=1:?int64
NodeSystemInfo: machineID=1 systemUUID=2 bootID=3 kernelVersion=4 osImage=5 containerRuntimeVersion=6 kubeletVersion=7
    kubeProxyVersion=8 operatingSystem=9 architecture=10 swap=11:?NodeSwapStatus
ObjectReference: kind=1 namespace=2 name=3 uid=4:types.UID apiVersion=5 resourceVersion=6 fieldPath=7
Taint: key=1 value=2 effect=3:TaintEffect timeAdded=4:?Time
"""
