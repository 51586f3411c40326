"""Power: the grid connection and its market, contracts for energy and attributes, and what plants cost.

Energy is settled hour by hour over a year; the yearly bill keeps money, energy by source, carbon and the
clean share under three ways of counting.
"""

from __future__ import annotations

from stackwright.power.attribute import AttributeContract
from stackwright.power.financial import FinancialContract
from stackwright.power.grid import Grid
from stackwright.power.physical import PhysicalContract
from stackwright.power.technology import Storage, Technology

TYPES: dict[str, type] = {
    "AttributeContract": AttributeContract,
    "FinancialContract": FinancialContract,
    "Grid": Grid,
    "PhysicalContract": PhysicalContract,
    "Storage": Storage,
    "Technology": Technology,
}
