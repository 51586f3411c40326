"""Public claims as data: what was said, run again by the engine, with a verdict that comes from rules."""
