"""Record types of a catalog just large enough to read studies, by layer."""

from typing import ClassVar

from stackwright.core.spec import spec
from stackwright.core.units import Count, Dollars, Ratio, Watts


@spec
class System:
    price_per_chip: Dollars | None = None
    rack_power: Watts | None = None


@spec
class SoftwareStack:
    time_spread: Ratio


@spec
class Fabric:
    switch_ports: Count


@spec
class Site:
    price: Ratio | None = None


@spec
class Redundancy:
    availability: Ratio


@spec
class Distribution:
    loss: Ratio


@spec
class DryCooler:
    approach: Ratio
    record: ClassVar[str] = """
type: DryCooler
name: Dry cooler
values:
  approach: {value: 8, source: assumption, kind: assumption, note: a round figure}
"""


@spec
class Trace:
    rows: Count


@spec
class LoadShape:
    swing: Ratio


@spec
class PhysicalContract:
    tenor: Count


@spec
class Published:
    total_parameters: Count


@spec
class Terms:
    discount_rate: Ratio


TYPES = {
    "interface": {"SoftwareStack": SoftwareStack},
    "workload": {"Trace": Trace, "LoadShape": LoadShape},
    "model": {"Published": Published},
    "rack": {"System": System},
    "network": {"Fabric": Fabric},
    "cooling": {"DryCooler": DryCooler},
    "datacenter": {"Site": Site, "Redundancy": Redundancy, "Distribution": Distribution},
    "power": {"PhysicalContract": PhysicalContract},
    "finance": {"Terms": Terms},
}
