"""Redundancy: how many modules stand by, what that does to their load, their cost and to availability."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count, Ratio, Seconds

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
    return total


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


@spec
class Redundancy:
    """A redundancy scheme of the power train and the cooling plant."""

    needed_modules: Count
    installed_modules: Count
    availability_of_module: Ratio
    common_cause: Ratio
    """Share of a module's failures that takes all modules down together."""
    electrical_multiplier: Ratio
    """Cost of the power train over that without spare units."""
    mechanical_multiplier: Ratio

    def module_load(self, load_fraction: Ratio) -> Ratio:
        """Load of each module at a load of the site. Source: definition."""
        return module_load_fraction(
            load_fraction=load_fraction, needed=self.needed_modules, installed=self.installed_modules
        )

    def availability(self) -> Ratio:
        """Share of time that the power train carries full load. Source: definition."""
        return availability_with_common_cause(
            needed=self.needed_modules,
            installed=self.installed_modules,
            availability=self.availability_of_module,
            common_cause=self.common_cause,
        )
