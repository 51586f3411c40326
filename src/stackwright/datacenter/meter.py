"""From IT watts to watts at the meter, with every part kept, so that the sum closes."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Ratio, Watts


def cooling_power(*, it_power: Watts, cooling_electricity: Ratio) -> Watts:
    """Electricity of the cooling plant. Source: definition."""
    return it_power * cooling_electricity


def distribution_power(
    *, it_power: Watts, mechanical_power: Watts, distribution_loss: Ratio, mechanical_loss: Ratio
) -> Watts:
    """Losses before the loads: the full chain for IT, the transformer for the rest. Source: definition."""
    return it_power * distribution_loss + mechanical_power * mechanical_loss


def power_usage_effectiveness(*, it_power: Watts, meter_power: Watts) -> Ratio:
    """Meter power over IT power, by the hour or of yearly means. Source: ISO/IEC 30134-2."""
    return meter_power / it_power


@spec
class MeterPower:
    """Power at the meter by part, each [..., hour]."""

    it: Watts
    cooling: Watts
    house: Watts
    losses: Watts

    @property
    def total(self) -> Watts:
        """At the meter. Source: energy balance."""
        return self.it + self.cooling + self.house + self.losses


def meter_power(
    *,
    it_power: Watts,
    full_it_power: Watts,
    cooling_electricity: Ratio,
    house_share: Ratio,
    distribution_loss: Ratio,
    mechanical_loss: Ratio,
) -> MeterPower:
    """Every part of the meter's power; all arguments broadcast, the hour is the last axis. Source: energy balance."""
    cooling = cooling_power(it_power=it_power, cooling_electricity=cooling_electricity)
    house = full_it_power * house_share
    losses = distribution_power(
        it_power=it_power,
        mechanical_power=cooling + house,
        distribution_loss=distribution_loss,
        mechanical_loss=mechanical_loss,
    )
    return MeterPower(it=it_power, cooling=cooling, house=house, losses=losses)
