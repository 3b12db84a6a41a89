"""Pods: their specification, placement and status. Notation: see lab.api.schema.messages."""

from __future__ import annotations

TABLE = """
Affinity: nodeAffinity=1:?NodeAffinity podAffinity=2:?PodAffinity podAntiAffinity=3:?PodAntiAffinity
ContainerExtendedResourceRequest: containerName=1 resourceName=2 requestName=3
ContainerState: waiting=1:?ContainerStateWaiting running=2:?ContainerStateRunning
    terminated=3:?ContainerStateTerminated
ContainerStateRunning: startedAt=1:Time
ContainerStateTerminated: exitCode=1:int32 signal=2:int32 reason=3 message=4 startedAt=5:Time finishedAt=6:Time
    containerID=7
ContainerStateWaiting: reason=1 message=2
ContainerStatus: name=1 state=2:ContainerState lastState=3:ContainerState ready=4:bool restartCount=5:int32 image=6
    imageID=7 containerID=8 started=9:?bool allocatedResources=10:{}Quantity resources=11:?ResourceRequirements
    volumeMounts=12:[]VolumeMountStatus@mountPath user=13:?ContainerUser
    allocatedResourcesStatus=14:[]ResourceStatus@name stopSignal=15:?Signal
ContainerUser: linux=1:?LinuxContainerUser
HostAlias: ip=1 hostnames=2:[]string
HostIP: ip=1
LinuxContainerUser: uid=1:int64 gid=2:int64 supplementalGroups=3:[]int64
NodeAffinity: requiredDuringSchedulingIgnoredDuringExecution=1:?NodeSelector!
    preferredDuringSchedulingIgnoredDuringExecution=2:[]PreferredSchedulingTerm
NodeSelector: nodeSelectorTerms=1:[]NodeSelectorTerm
NodeSelectorRequirement: key=1 operator=2:NodeSelectorOperator values=3:[]string
NodeSelectorTerm: matchExpressions=1:[]NodeSelectorRequirement matchFields=2:[]NodeSelectorRequirement
Pod: metadata=1:ObjectMeta spec=2:PodSpec status=3:PodStatus
PodAffinity: requiredDuringSchedulingIgnoredDuringExecution=1:[]PodAffinityTerm
    preferredDuringSchedulingIgnoredDuringExecution=2:[]WeightedPodAffinityTerm
PodAffinityTerm: labelSelector=1:?LabelSelector! namespaces=2:[]string topologyKey=3
    namespaceSelector=4:?LabelSelector! matchLabelKeys=5:[]string mismatchLabelKeys=6:[]string
PodAntiAffinity: requiredDuringSchedulingIgnoredDuringExecution=1:[]PodAffinityTerm
    preferredDuringSchedulingIgnoredDuringExecution=2:[]WeightedPodAffinityTerm
PodCondition: type=1:PodConditionType status=2:ConditionStatus lastProbeTime=3:Time lastTransitionTime=4:Time reason=5
    message=6 observedGeneration=7:int64
PodDNSConfig: nameservers=1:[]string searches=2:[]string options=3:[]PodDNSConfigOption
PodDNSConfigOption: name=1 value=2:?string
PodExtendedResourceClaimStatus: requestMappings=1:[]ContainerExtendedResourceRequest resourceClaimName=2
PodIP: ip=1
PodOS: name=1:OSName
PodReadinessGate: conditionType=1:PodConditionType
PodResourceClaim: name=1 resourceClaimName=3:?string resourceClaimTemplateName=4:?string
PodResourceClaimStatus: name=1 resourceClaimName=2:?string
PodSchedulingGate: name=1
PodSecurityContext: seLinuxOptions=1:?SELinuxOptions runAsUser=2:?int64 runAsNonRoot=3:?bool
    supplementalGroups=4:[]int64 fsGroup=5:?int64 runAsGroup=6:?int64 sysctls=7:[]Sysctl
    windowsOptions=8:?WindowsSecurityContextOptions fsGroupChangePolicy=9:?PodFSGroupChangePolicy
    seccompProfile=10:?SeccompProfile appArmorProfile=11:?AppArmorProfile
    supplementalGroupsPolicy=12:?SupplementalGroupsPolicy seLinuxChangePolicy=13:?PodSELinuxChangePolicy
PodSpec: volumes=1:[]Volume@name~ containers=2:[]Container@name restartPolicy=3:RestartPolicy
    terminationGracePeriodSeconds=4:?int64 activeDeadlineSeconds=5:?int64 dnsPolicy=6:DNSPolicy
    nodeSelector=7:{}string! serviceAccountName=8 serviceAccount=9 nodeName=10 hostNetwork=11:bool hostPID=12:bool
    hostIPC=13:bool securityContext=14:?PodSecurityContext imagePullSecrets=15:[]LocalObjectReference@name hostname=16
    subdomain=17 affinity=18:?Affinity schedulerName=19 initContainers=20:[]Container@name
    automountServiceAccountToken=21:?bool tolerations=22:[]Toleration hostAliases=23:[]HostAlias@ip
    priorityClassName=24 priority=25:?int32 dnsConfig=26:?PodDNSConfig shareProcessNamespace=27:?bool
    readinessGates=28:[]PodReadinessGate runtimeClassName=29:?string enableServiceLinks=30:?bool
    preemptionPolicy=31:?PreemptionPolicy overhead=32:{}Quantity
    topologySpreadConstraints=33:[]TopologySpreadConstraint@topologyKey/whenUnsatisfiable
    ephemeralContainers=34:[]EphemeralContainer@name setHostnameAsFQDN=35:?bool os=36:?PodOS hostUsers=37:?bool
    schedulingGates=38:[]PodSchedulingGate@name resourceClaims=39:[]PodResourceClaim@name~
    resources=40:?ResourceRequirements hostnameOverride=41:?string workloadRef=42:?WorkloadReference
PodStatus: phase=1:PodPhase conditions=2:[]PodCondition@type message=3 reason=4 hostIP=5 podIP=6 startTime=7:?Time
    containerStatuses=8:[]ContainerStatus qosClass=9:PodQOSClass initContainerStatuses=10:[]ContainerStatus
    nominatedNodeName=11 podIPs=12:[]PodIP@ip ephemeralContainerStatuses=13:[]ContainerStatus
    resize=14:PodResizeStatus resourceClaimStatuses=15:[]PodResourceClaimStatus@name~ hostIPs=16:[]HostIP@ip
    observedGeneration=17:int64 extendedResourceClaimStatus=18:?PodExtendedResourceClaimStatus
    allocatedResources=19:{}Quantity resources=20:?ResourceRequirements
PodTemplateSpec: metadata=1:ObjectMeta spec=2:PodSpec
PreferredSchedulingTerm: weight=1:int32 preference=2:NodeSelectorTerm!
ResourceHealth: resourceID=1:ResourceID health=2:ResourceHealthStatus
ResourceStatus: name=1:ResourceName resources=2:[]ResourceHealth
Sysctl: name=1 value=2
Toleration: key=1 operator=2:TolerationOperator value=3 effect=4:TaintEffect tolerationSeconds=5:?int64
TopologySpreadConstraint: maxSkew=1:int32 topologyKey=2 whenUnsatisfiable=3:UnsatisfiableConstraintAction
    labelSelector=4:?LabelSelector! minDomains=5:?int32 nodeAffinityPolicy=6:?NodeInclusionPolicy
    nodeTaintsPolicy=7:?NodeInclusionPolicy matchLabelKeys=8:[]string
VolumeMountStatus: name=1 mountPath=2 readOnly=3:bool recursiveReadOnly=4:?RecursiveReadOnlyMode
WeightedPodAffinityTerm: weight=1:int32 podAffinityTerm=2:PodAffinityTerm
WorkloadReference: name=1 podGroup=2 podGroupReplicaKey=3
"""
