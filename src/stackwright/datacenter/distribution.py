"""Power distribution from the grid connection to the rack, as loss curves of its stages.

Losses of supplies and busbars inside the rack belong to the rack and are not counted here.
"""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import DollarsPerWatt, Ratio


def stage_loss(*, load_fraction: Ratio, constant: Ratio, proportional: Ratio, quadratic: Ratio) -> Ratio:
    """Loss of one stage per watt that it delivers, from its loss curve over rated power.

    `load_fraction` is the load of the stage's own modules, above zero.
    Source: IEC 62040-3 efficiency points; loss/rated = a + b L + c L^2, divided by L.
    """
    return constant / load_fraction + proportional + quadratic * load_fraction


def chain_loss(*, first: Ratio, second: Ratio, third: Ratio) -> Ratio:
    """Loss of three stages in series per watt at the end of the chain. Source: definition."""
    return (1.0 + first) * (1.0 + second) * (1.0 + third) - 1.0


@spec
class StageLosses:
    """Watts lost in each stage per watt that the chain delivers to the racks."""

    transformer: Ratio
    conversion: Ratio
    busway: Ratio

    @property
    def total(self) -> Ratio:
        """Of the whole chain. Source: energy balance."""
        return self.transformer + self.conversion + self.busway


@spec
class Distribution:
    """Transformer, conversion (UPS or central rectifier) and busway, by their loss curves."""

    transformer_constant: Ratio
    """No-load loss over rated power."""
    transformer_quadratic: Ratio
    """Load loss at full load over rated power."""
    conversion_constant: Ratio
    conversion_proportional: Ratio
    conversion_quadratic: Ratio
    busway_quadratic: Ratio
    """Resistive loss at full load over rated power."""
    rack_supply_scale: Ratio
    """Multiplies the loss of the rack's own shelves or supplies; one where they take alternating current."""
    rack_busbar_scale: Ratio
    """Multiplies the loss of the rack's own busbar; one where it is at the voltage of the rack's shelves."""
    capex_per_watt: DollarsPerWatt
    """Electrical plant per watt of IT without spare units: substation to busway, storage, generators."""

    def loss(self, load_fraction: Ratio) -> Ratio:
        """Watts lost per watt at the racks; `load_fraction` is the modules' own. Source: definition."""
        return chain_loss(
            first=self.mechanical_loss(load_fraction),
            second=self.conversion_loss(load_fraction),
            third=self.busway_loss(load_fraction),
        )

    def losses(self, load_fraction: Ratio) -> StageLosses:
        """The same by stage: each carries what the stages behind it lose. Source: energy balance."""
        conversion, busway = self.conversion_loss(load_fraction), self.busway_loss(load_fraction)
        behind = (1.0 + conversion) * (1.0 + busway)
        return StageLosses(
            transformer=self.mechanical_loss(load_fraction) * behind,
            conversion=conversion * (1.0 + busway),
            busway=busway,
        )

    def conversion_loss(self, load_fraction: Ratio) -> Ratio:
        """Of the UPS or the central rectifier, per watt that it delivers. Source: IEC 62040-3 efficiency points."""
        return stage_loss(
            load_fraction=load_fraction,
            constant=self.conversion_constant,
            proportional=self.conversion_proportional,
            quadratic=self.conversion_quadratic,
        )

    def busway_loss(self, load_fraction: Ratio) -> Ratio:
        """Resistive, per watt that the busway delivers. Source: Ohm's law."""
        return stage_loss(load_fraction=load_fraction, constant=0.0, proportional=0.0, quadratic=self.busway_quadratic)

    def mechanical_loss(self, load_fraction: Ratio) -> Ratio:
        """Watts lost per watt at the cooling plant, which has the transformer before it and no UPS.

        Source: definition.
        """
        return stage_loss(
            load_fraction=load_fraction,
            constant=self.transformer_constant,
            proportional=0.0,
            quadratic=self.transformer_quadratic,
        )
