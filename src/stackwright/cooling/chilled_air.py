"""The air loop that most halls have: air handlers on chilled water from air-cooled chillers.

Not a type of its own: air-cooled halls build on it, and so do liquid-cooled ones for the heat that
their cold plates do not take.
"""

from __future__ import annotations

from stackwright.cooling.chiller import coefficient_of_performance, compressor_power
from stackwright.cooling.fans_and_pumps import power_per_heat
from stackwright.cooling.interface import Cooling
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


@spec
class ChilledAir(Cooling):
    """Air handlers, chilled-water pumps and air-cooled chillers; powers are per watt of heat at full load."""

    fan_power: Ratio
    pump_power: Ratio
    flow_exponent: Ratio
    """Of power in flow, for fans and pumps alike."""
    least_flow: Ratio
    carnot_share: Ratio
    coil_approach: Kelvin
    """Supply air over chilled water."""
    evaporator_approach: Kelvin
    """Chilled water over evaporating refrigerant."""
    condenser_approach: Kelvin
    """Condensing refrigerant over the outdoor dry bulb."""

    def flow_power(self, design: Ratio, load_fraction: Ratio) -> Ratio:
        """Fan or pump electricity per watt of heat at part load. Source: definition."""
        return power_per_heat(
            design=design, load_fraction=load_fraction, least_flow=self.least_flow, exponent=self.flow_exponent
        )

    def chilled_water(self, air_supply: Kelvin) -> Kelvin:
        """Water temperature that cools air to its set point. Source: definition."""
        return air_supply - self.coil_approach

    def water_chiller_power(self, *, heat_share: Ratio, water: Kelvin, dry_bulb: Kelvin, load_fraction: Ratio) -> Ratio:
        """Electricity of air-cooled chillers that make water of a temperature, per watt of heat of their loop.

        `heat_share` is the share of that heat that they take. Source: definition.
        """
        coefficient = coefficient_of_performance(
            evaporating=water - self.evaporator_approach,
            condensing=dry_bulb + self.condenser_approach,
            carnot_share=self.carnot_share,
        )
        return compressor_power(heat_share=heat_share, coefficient=coefficient, load_fraction=load_fraction)
