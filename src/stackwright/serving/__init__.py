"""Deployment software at work: replicas, their steps, latency and memory."""

from stackwright.serving.drafting import Drafting
from stackwright.serving.likeness import Likeness

TYPES: dict[str, type] = {"Drafting": Drafting, "Likeness": Likeness}
