"""Datacenter: the site, its weather, the building, the way power is distributed in it and the spare
equipment that keeps it up. It turns IT watts and cooling watts into watts at the meter."""

from __future__ import annotations

from stackwright.datacenter.building import Building
from stackwright.datacenter.distribution import Distribution
from stackwright.datacenter.redundancy import Redundancy
from stackwright.datacenter.site import Site

TYPES: dict[str, type] = {
    "Building": Building,
    "Distribution": Distribution,
    "Redundancy": Redundancy,
    "Site": Site,
}
