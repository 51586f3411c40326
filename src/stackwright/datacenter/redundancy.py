"""Redundancy: how many modules stand by, what that does to their load, their cost and to availability.

Racks stand still where too few modules of the power train or of the cooling plant are up, or where the grid
fails and neither the batteries nor the generators carry the load.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import HOURS_PER_YEAR, Count, PerYear, Ratio, Seconds
from stackwright.datacenter.site import Site

MOST_SPARES = 16
"""Terms of the availability sum; with modules better than 99 % those left out are below 1e-30."""


def module_availability(*, time_between_failures: Seconds, time_to_repair: Seconds) -> Ratio:
    """Share of time that one module is up. Source: IEEE 493 (Gold Book), steady-state availability."""
    return time_between_failures / (time_between_failures + time_to_repair)


def k_of_n_availability(*, needed: Count, installed: Count, availability: Ratio) -> Ratio:
    """Probability that at least `needed` of `installed` independent modules are up.

    Summed over the number of modules that are down, up to `MOST_SPARES`.
    Source: binomial distribution; IEEE 493 (Gold Book), k-of-n systems.
    """
    xp = namespace(needed, installed, availability)
    term = availability**installed
    total = term
    for down in range(MOST_SPARES):
        term = term * (installed - down) / (down + 1.0) * (1.0 - availability) / availability
        total = total + xp.where(down + 1.0 <= installed - needed, term, 0.0 * term)
    return xp.where(needed <= installed, total, 0.0 * total)


def availability_with_common_cause(
    *, needed: Count, installed: Count, availability: Ratio, common_cause: Ratio
) -> Ratio:
    """The same, where a share of each module's failures takes all modules down together.

    Source: beta-factor model, Fleming 1975, as in IEC 61508-6 annex D.
    """
    unavailability = 1.0 - availability
    independent = k_of_n_availability(
        needed=needed, installed=installed, availability=1.0 - (1.0 - common_cause) * unavailability
    )
    return independent * (1.0 - common_cause * unavailability)


def module_load_fraction(*, load_fraction: Ratio, needed: Count, installed: Count) -> Ratio:
    """Load of each module when all installed ones share the load. Source: definition."""
    return load_fraction * needed / installed


def longer_share(*, ride_through: Seconds, outage_time: Seconds) -> Ratio:
    """Share of outages that outlast the batteries. Source: exponential times to repair, IEEE 493 (Gold Book)."""
    xp = namespace(ride_through, outage_time)
    return xp.exp(-ride_through / outage_time)


def grid_unavailability(
    *,
    outages: PerYear,
    outage_time: Seconds,
    longer: Ratio,
    transfer: Ratio,
    generators: Ratio,
    restart_time: Seconds,
) -> Ratio:
    """Share of time that is lost to outages of the grid.

    In `transfer` of all outages the batteries take over; in `generators` of those that are `longer` the generators
    do. Where either fails, racks lose power and take `restart_time` to work again; without generators they also
    wait for the grid. Source: IEEE 493 (Gold Book), standby power by series and parallel events.
    """
    dropped = (1.0 - transfer) * restart_time
    waited = transfer * longer * (1.0 - generators) * (outage_time + restart_time)
    stranded = (1.0 - transfer) * (1.0 - generators) * outage_time
    return outages * (dropped + waited + stranded)


@spec
class Downtime:
    """Share of time that the racks stand still, by cause."""

    power: Ratio
    """Too few modules of the power train."""
    cooling: Ratio
    """Too few units of the cooling plant."""
    grid: Ratio
    """Outages that batteries and generators do not carry."""

    @property
    def availability(self) -> Ratio:
        """Share of time without any of them. Source: IEEE 493 (Gold Book), independent systems in series."""
        return (1.0 - self.power) * (1.0 - self.cooling) * (1.0 - self.grid)

    @property
    def hours(self) -> float:
        """Hours of a year that the racks stand still. Source: definition."""
        return (1.0 - self.availability) * HOURS_PER_YEAR


@spec
class Redundancy:
    """A redundancy scheme of the power train, the cooling plant and the standby power."""

    needed_modules: Count
    installed_modules: Count
    availability_of_module: Ratio
    common_cause: Ratio
    """Share of a module's failures that takes all modules down together."""
    cooling_needed: Count
    cooling_installed: Count
    availability_of_cooling: Ratio
    """Of one unit of the cooling plant."""
    generators_needed: Count
    generators_installed: Count
    """None where outages are waited for."""
    generator_start: Ratio
    """Share of calls on which a generator starts and takes its load."""
    ride_through: Seconds
    """For which batteries carry the load."""
    transfer: Ratio
    """Share of outages in which the batteries take over."""
    restart_time: Seconds
    """From power to work again, once racks have lost it."""
    electrical_multiplier: Ratio
    """Cost of the power train over that without spare units."""
    mechanical_multiplier: Ratio

    def module_load(self, load_fraction: Ratio) -> Ratio:
        """Load of each module at a load of the site. Source: definition."""
        return module_load_fraction(
            load_fraction=load_fraction, needed=self.needed_modules, installed=self.installed_modules
        )

    def downtime(self, site: Site) -> Downtime:
        """Share of time that the racks stand still at a site, by cause. Source: definition."""

        def up(needed: Count, installed: Count, availability: Ratio) -> Ratio:
            return availability_with_common_cause(
                needed=needed, installed=installed, availability=availability, common_cause=self.common_cause
            )

        return Downtime(
            power=1.0 - up(self.needed_modules, self.installed_modules, self.availability_of_module),
            cooling=1.0 - up(self.cooling_needed, self.cooling_installed, self.availability_of_cooling),
            grid=grid_unavailability(
                outages=site.grid_outages,
                outage_time=site.grid_outage_time,
                longer=longer_share(ride_through=self.ride_through, outage_time=site.grid_outage_time),
                transfer=self.transfer,
                generators=up(self.generators_needed, self.generators_installed, self.generator_start),
                restart_time=self.restart_time,
            ),
        )

    def availability(self, site: Site) -> Ratio:
        """Share of time that the racks of a site have power and cooling. Source: definition."""
        return self.downtime(site).availability
