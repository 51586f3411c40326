"""Money over years: who pays what when, what it is worth today, and what a token costs."""

from stackwright.finance.terms import Terms

TYPES = {"Terms": Terms}
