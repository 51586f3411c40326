"""Deployment software at work: replicas, their steps, latency and memory."""

from stackwright.serving.likeness import Likeness

TYPES: dict[str, type] = {"Likeness": Likeness}
