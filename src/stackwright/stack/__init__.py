"""Where the layers meet: a design, a scenario, and `evaluate`."""
