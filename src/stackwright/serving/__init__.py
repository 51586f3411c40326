"""Deployment software at work: replicas, their steps, latency and memory."""
