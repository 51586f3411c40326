"""Records of real things, every number with unit, range and source, and the names that find them."""

from stackwright.catalog.loader import LAYERS, Catalog
from stackwright.catalog.names import Resolution

__all__ = ["LAYERS", "Catalog", "Resolution"]
