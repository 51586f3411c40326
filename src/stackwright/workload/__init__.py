"""What is asked of the stack: request lengths and arrivals from traces, and the shape of the year."""

from stackwright.workload.shape import LoadShape
from stackwright.workload.trace import Trace

TYPES = {"Trace": Trace, "LoadShape": LoadShape}
