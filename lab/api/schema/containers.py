"""Containers of a pod, and what they are told and watched by. Notation: see lab.api.schema.messages."""

from __future__ import annotations

TABLE = """
AppArmorProfile: type=1:AppArmorProfileType localhostProfile=2:?string
Capabilities: add=1:[]Capability drop=2:[]Capability
ConfigMapEnvSource: *localObjectReference=1:LocalObjectReference! optional=2:?bool
ConfigMapKeySelector: *localObjectReference=1:LocalObjectReference! key=2 optional=3:?bool
Container: name=1 image=2 command=3:[]string args=4:[]string workingDir=5
    ports=6:[]ContainerPort@containerPort/protocol env=7:[]EnvVar@name resources=8:ResourceRequirements
    volumeMounts=9:[]VolumeMount@mountPath livenessProbe=10:?Probe readinessProbe=11:?Probe lifecycle=12:?Lifecycle
    terminationMessagePath=13 imagePullPolicy=14:PullPolicy securityContext=15:?SecurityContext stdin=16:bool
    stdinOnce=17:bool tty=18:bool envFrom=19:[]EnvFromSource terminationMessagePolicy=20:TerminationMessagePolicy
    volumeDevices=21:[]VolumeDevice@devicePath startupProbe=22:?Probe resizePolicy=23:[]ContainerResizePolicy
    restartPolicy=24:?ContainerRestartPolicy restartPolicyRules=25:[]ContainerRestartRule
ContainerPort: name=1 hostPort=2:int32 containerPort=3:int32 protocol=4:Protocol hostIP=5
ContainerResizePolicy: resourceName=1:ResourceName restartPolicy=2:ResourceResizeRestartPolicy
ContainerRestartRule: action=1:ContainerRestartRuleAction exitCodes=2:?ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes: operator=1:ContainerRestartRuleOnExitCodesOperator values=2:[]int32
EnvFromSource: prefix=1 configMapRef=2:?ConfigMapEnvSource secretRef=3:?SecretEnvSource
EnvVar: name=1 value=2 valueFrom=3:?EnvVarSource
EnvVarSource: fieldRef=1:?ObjectFieldSelector! resourceFieldRef=2:?ResourceFieldSelector!
    configMapKeyRef=3:?ConfigMapKeySelector! secretKeyRef=4:?SecretKeySelector! fileKeyRef=5:?FileKeySelector!
EphemeralContainer: *ephemeralContainerCommon=1:EphemeralContainerCommon targetContainerName=2
EphemeralContainerCommon: name=1 image=2 command=3:[]string args=4:[]string workingDir=5
    ports=6:[]ContainerPort@containerPort/protocol env=7:[]EnvVar@name resources=8:ResourceRequirements
    volumeMounts=9:[]VolumeMount@mountPath livenessProbe=10:?Probe readinessProbe=11:?Probe lifecycle=12:?Lifecycle
    terminationMessagePath=13 imagePullPolicy=14:PullPolicy securityContext=15:?SecurityContext stdin=16:bool
    stdinOnce=17:bool tty=18:bool envFrom=19:[]EnvFromSource terminationMessagePolicy=20:TerminationMessagePolicy
    volumeDevices=21:[]VolumeDevice@devicePath startupProbe=22:?Probe resizePolicy=23:[]ContainerResizePolicy
    restartPolicy=24:?ContainerRestartPolicy restartPolicyRules=25:[]ContainerRestartRule
ExecAction: command=1:[]string
FileKeySelector: volumeName=1 path=2 key=3 optional=4:?bool
GRPCAction: port=1:int32 service=2:?string
HTTPGetAction: path=1 port=2:IntOrString host=3 scheme=4:URIScheme httpHeaders=5:[]HTTPHeader
HTTPHeader: name=1 value=2
Lifecycle: postStart=1:?LifecycleHandler preStop=2:?LifecycleHandler stopSignal=3:?Signal
LifecycleHandler: exec=1:?ExecAction httpGet=2:?HTTPGetAction tcpSocket=3:?TCPSocketAction sleep=4:?SleepAction
LocalObjectReference: name=1
Probe: *handler=1:ProbeHandler initialDelaySeconds=2:int32 timeoutSeconds=3:int32 periodSeconds=4:int32
    successThreshold=5:int32 failureThreshold=6:int32 terminationGracePeriodSeconds=7:?int64
ProbeHandler: exec=1:?ExecAction httpGet=2:?HTTPGetAction tcpSocket=3:?TCPSocketAction grpc=4:?GRPCAction
ResourceClaim: name=1 request=2
ResourceRequirements: limits=1:{}Quantity requests=2:{}Quantity claims=3:[]ResourceClaim
SELinuxOptions: user=1 role=2 type=3 level=4
SeccompProfile: type=1:SeccompProfileType localhostProfile=2:?string
SecretEnvSource: *localObjectReference=1:LocalObjectReference! optional=2:?bool
SecretKeySelector: *localObjectReference=1:LocalObjectReference! key=2 optional=3:?bool
SecurityContext: capabilities=1:?Capabilities privileged=2:?bool seLinuxOptions=3:?SELinuxOptions runAsUser=4:?int64
    runAsNonRoot=5:?bool readOnlyRootFilesystem=6:?bool allowPrivilegeEscalation=7:?bool runAsGroup=8:?int64
    procMount=9:?ProcMountType windowsOptions=10:?WindowsSecurityContextOptions seccompProfile=11:?SeccompProfile
    appArmorProfile=12:?AppArmorProfile
SleepAction: seconds=1:int64
TCPSocketAction: port=1:IntOrString host=2
VolumeDevice: name=1 devicePath=2
VolumeMount: name=1 readOnly=2:bool mountPath=3 subPath=4 mountPropagation=5:?MountPropagationMode subPathExpr=6
    recursiveReadOnly=7:?RecursiveReadOnlyMode
WindowsSecurityContextOptions: gmsaCredentialSpecName=1:?string gmsaCredentialSpec=2:?string runAsUserName=3:?string
    hostProcess=4:?bool
"""
