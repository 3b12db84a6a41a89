"""From what is to what should be: pure comparison of two networks, and each step as the line a person would type.

`plan(desired, actual)` after a successful apply is empty: that is how "idempotent" and "verified" are tested.
"""

from lab.plan.difference import plan
from lab.plan.steps import AnyStep, NftStep, Plan, RuleStep, Step

__all__ = ["AnyStep", "NftStep", "Plan", "RuleStep", "Step", "plan"]
