"""Money over years: who pays what when, what it is worth today, what a token costs, and whose margin is in it."""

from stackwright.finance.lease import Lease
from stackwright.finance.margins import Margin
from stackwright.finance.program import ChipProgram
from stackwright.finance.staff import Staff
from stackwright.finance.supplier import SupplierShare
from stackwright.finance.terms import Terms

TYPES = {
    "ChipProgram": ChipProgram,
    "Lease": Lease,
    "Margin": Margin,
    "Staff": Staff,
    "SupplierShare": SupplierShare,
    "Terms": Terms,
}
