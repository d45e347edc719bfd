"""The city's half of priority: who may ask, at which level, and the requests that follow."""

from __future__ import annotations

from jacquemart.actors.priority.policy.condition import Situation, Why, judge
from jacquemart.actors.priority.policy.requester import Decided, Requester, Send
from jacquemart.actors.priority.policy.rules import Condition, Policy, Rule, read_policy

__all__ = [
    "Condition", "Decided", "Policy", "Requester", "Rule", "Send", "Situation", "Why", "judge",
    "read_policy",
]  # fmt: skip
