"""What all objects share: their metadata, label selectors, deletion, scale. Notation: see lab.api.schema.messages."""

from __future__ import annotations

TABLE = """
Condition: type=1 status=2:ConditionStatus observedGeneration=3:int64 lastTransitionTime=4:Time reason=5 message=6
DeleteOptions: gracePeriodSeconds=1:?int64 preconditions=2:?Preconditions orphanDependents=3:?bool
    propagationPolicy=4:?DeletionPropagation dryRun=5:[]string
    ignoreStoreReadErrorWithClusterBreakingPotential=6:?bool
LabelSelector: matchLabels=1:{}string matchExpressions=2:[]LabelSelectorRequirement
LabelSelectorRequirement: key=1 operator=2:LabelSelectorOperator values=3:[]string
ManagedFieldsEntry: manager=1 operation=2:ManagedFieldsOperationType apiVersion=3 time=4:?Time fieldsType=6
    fieldsV1=7:?FieldsV1 subresource=8
ObjectMeta: name=1 generateName=2 namespace=3 selfLink=4 uid=5:types.UID resourceVersion=6 generation=7:int64
    creationTimestamp=8:Time deletionTimestamp=9:?Time deletionGracePeriodSeconds=10:?int64 labels=11:{}string
    annotations=12:{}string ownerReferences=13:[]OwnerReference@uid finalizers=14:[]string@
    managedFields=17:[]ManagedFieldsEntry
OwnerReference: kind=1 name=3 uid=4:types.UID apiVersion=5 controller=6:?bool blockOwnerDeletion=7:?bool
Preconditions: uid=1:?types.UID resourceVersion=2:?string
Scale: metadata=1:ObjectMeta spec=2:ScaleSpec status=3:ScaleStatus
ScaleSpec: replicas=1:int32
ScaleStatus: replicas=1:int32 selector=2
"""
