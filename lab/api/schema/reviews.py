"""Questions about who asks and what that one may do. Notation: see lab.api.schema.messages."""

from __future__ import annotations

TABLE = """
FieldSelectorAttributes: rawSelector=1
LabelSelectorAttributes: rawSelector=1
NonResourceAttributes: path=1 verb=2
ResourceAttributes: namespace=1 verb=2 group=3 version=4 resource=5 subresource=6 name=7
    fieldSelector=8:?FieldSelectorAttributes labelSelector=9:?LabelSelectorAttributes
SelfSubjectAccessReview: metadata=1:ObjectMeta spec=2:SelfSubjectAccessReviewSpec
SelfSubjectAccessReviewSpec: resourceAttributes=1:?ResourceAttributes nonResourceAttributes=2:?NonResourceAttributes
SelfSubjectReview: metadata=1:ObjectMeta
SelfSubjectRulesReview: metadata=1:ObjectMeta spec=2:SelfSubjectRulesReviewSpec
SelfSubjectRulesReviewSpec: namespace=1
"""
