"""Deployments and ReplicaSets. Notation: see lab.api.schema.messages."""

from __future__ import annotations

TABLE = """
Deployment: metadata=1:ObjectMeta spec=2:DeploymentSpec status=3:DeploymentStatus
DeploymentCondition: type=1:DeploymentConditionType status=2:ConditionStatus reason=4 message=5 lastUpdateTime=6:Time
    lastTransitionTime=7:Time
DeploymentSpec: replicas=1:?int32 selector=2:?LabelSelector! template=3:PodTemplateSpec strategy=4:DeploymentStrategy~
    minReadySeconds=5:int32 revisionHistoryLimit=6:?int32 paused=7:bool progressDeadlineSeconds=9:?int32
DeploymentStatus: observedGeneration=1:int64 replicas=2:int32 updatedReplicas=3:int32 availableReplicas=4:int32
    unavailableReplicas=5:int32 conditions=6:[]DeploymentCondition@type readyReplicas=7:int32 collisionCount=8:?int32
    terminatingReplicas=9:?int32
DeploymentStrategy: type=1:DeploymentStrategyType rollingUpdate=2:?RollingUpdateDeployment
ReplicaSet: metadata=1:ObjectMeta spec=2:ReplicaSetSpec status=3:ReplicaSetStatus
ReplicaSetCondition: type=1:ReplicaSetConditionType status=2:ConditionStatus lastTransitionTime=3:Time reason=4
    message=5
ReplicaSetSpec: replicas=1:?int32 selector=2:?LabelSelector! template=3:PodTemplateSpec minReadySeconds=4:int32
ReplicaSetStatus: replicas=1:int32 fullyLabeledReplicas=2:int32 observedGeneration=3:int64 readyReplicas=4:int32
    availableReplicas=5:int32 conditions=6:[]ReplicaSetCondition@type terminatingReplicas=7:?int32
RollingUpdateDeployment: maxUnavailable=1:?IntOrString maxSurge=2:?IntOrString
"""
