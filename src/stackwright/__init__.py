"""Stackwright engineers the AI stack, from the power contract to the API, as one product."""

__version__ = "0.1.0"
