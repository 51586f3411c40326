"""From the meter to the chip: watts at every level of the electrical chain, with every loss between kept.

PUE ends at the input of the racks, so it hides what their shelves, busbars and fans take. The chain goes
on to the boards, and its ratios say what of the meter's watts reaches them.
"""

from __future__ import annotations

from collections.abc import Sequence

from stackwright.core.spec import spec
from stackwright.core.units import SECONDS_PER_YEAR, Array, Joules, Ratio, Watts
from stackwright.datacenter.distribution import Distribution
from stackwright.datacenter.redundancy import Redundancy
from stackwright.rack.power import RackPower
from stackwright.rack.system import System
from stackwright.stack.deployment import Fleet, Unit
from stackwright.stack.plant import PlantSpecs, module_load_of
from stackwright.stack.unit import States


def chip_input_efficiency(delivered: Watts, rack_input: Watts, distribution_loss: Ratio) -> Ratio:
    """What reaches the boards of a rack per watt from the grid, by the electrical chain alone.

    Source: Patterson et al. 2013 (TUE), without the cooling.
    """
    return delivered / (rack_input * (1.0 + distribution_loss))


def chain_efficiency(
    distribution: Distribution, redundancy: Redundancy, system: System, *, chip: Watts, load_fraction: Ratio
) -> Ratio:
    """The same at a load of the site, while every accelerator of a rack draws `chip`. Source: energy balance."""
    rack = system.power(chip, supply_scale=distribution.rack_supply_scale, busbar_scale=distribution.rack_busbar_scale)
    return chip_input_efficiency(rack.delivered, rack.input, distribution.loss(redundancy.module_load(load_fraction)))


def mean_power(unit: Unit, states: States, pool: Fleet, it_energy: Joules) -> tuple[RackPower, Watts]:
    """Mean watts of a fleet's racks by part, and of its network, in the first year.

    Chips idle, decode or prefill; the share of time in which they work follows from the year's energy. All
    watts are linear in these shares, so the parts sum to the energy. Source: energy balance.
    """
    chips = pool.chips[..., 0]
    idle = states.idle.times(chips)
    above = pool.busy_power[..., 0]
    worked = (it_energy / SECONDS_PER_YEAR - pool.idle_power[..., 0]) / above
    decode = pool.replicas[..., 0] * unit.decode_chips * worked
    prefill = (
        pool.prefill_replicas[..., 0] * unit.prefill_chips * worked * pool.prefill_load[..., 0] / pool.load[..., 0]
    )
    resting = states.idle.times(-decode - prefill)
    return idle + resting + states.decode.times(decode) + states.prefill.times(prefill), states.network * chips


@spec
class Chain:
    """Watts of a design along the way from its meter, as means of its first year."""

    cooling: Watts
    house: Watts
    transformer: Watts
    """Lost for the racks and for the cooling and the house."""
    conversion: Watts
    """Lost in the UPS or the central rectifiers."""
    busway: Watts
    network: Watts
    """Fabric switches and optics, with their own supplies."""
    racks: RackPower

    @property
    def meter(self) -> Watts:
        """At the meter. Source: energy balance."""
        return self.building + self.cooling + self.house + self.transformer + self.conversion + self.busway

    @property
    def building(self) -> Watts:
        """At the end of the building's distribution: what PUE calls IT. Source: ISO/IEC 30134-2."""
        return self.rack_input + self.network

    @property
    def rack_input(self) -> Watts:
        """Into the racks. Source: energy balance."""
        return self.racks.input

    @property
    def shelf_output(self) -> Watts:
        """Out of shelves or supplies. Source: energy balance."""
        return self.racks.shelf_output

    @property
    def busbar_end(self) -> Watts:
        """At the boards and fans. Source: energy balance."""
        return self.racks.delivered

    @property
    def boards(self) -> Watts:
        """Into chips, processors, NICs, switches and other boards, those of the fabric among them.

        Source: energy balance.
        """
        return self.racks.boards + self.network

    @property
    def usage(self) -> Ratio:
        """Meter over boards: PUE with what it hides. Source: Patterson et al. 2013 (TUE)."""
        return self.meter / self.boards

    @property
    def efficiency(self) -> Ratio:
        """What of the meter's watts reaches the accelerators. Source: definition."""
        return self.racks.chip / self.meter

    def levels(self) -> dict[str, Watts]:
        """Watts at each level, from the meter on. Source: definition."""
        return {
            "meter": self.meter,
            "building": self.building,
            "rack input": self.rack_input,
            "shelf output": self.shelf_output,
            "busbar end": self.busbar_end,
            "chips": self.racks.chip,
        }

    def parts(self) -> dict[str, Watts]:
        """What the meter's watts go to; they sum to it. Source: energy balance."""
        racks = self.racks
        return {
            "cooling": self.cooling,
            "house": self.house,
            "transformers": self.transformer,
            "UPS or rectifiers": self.conversion,
            "busways": self.busway,
            "fabric switches and optics": self.network,
            "shelves": racks.supply,
            "busbars": racks.busbar,
            "fans": racks.fans,
            "host processors": racks.processor,
            "NICs": racks.nic,
            "scale-up switches": racks.switch,
            "boards and drives": racks.board,
            "chips": racks.chip,
        }


def energies_of(pools: Sequence[Fleet], it_energy: Joules) -> list[Joules]:
    """IT energy of the first year by system: all follow one demand, so watts above idle share what is left.

    Source: definition.
    """
    idle = [pool.idle_power[..., 0] * SECONDS_PER_YEAR for pool in pools]
    busy = [pool.busy_power[..., 0] * pool.load[..., 0] for pool in pools]
    above = (it_energy - sum(idle)) / sum(busy)
    return [own + above * watts for own, watts in zip(idle, busy, strict=True)]


def total_usage(fleets: Sequence[tuple[Unit, States, Fleet]], *, it_energy: Joules, meter_energy: Joules) -> Ratio:
    """Energy at the meter over that of all boards, the fabric's among them, in the first year.

    Source: Patterson et al. 2013 (TUE).
    """
    energies = energies_of([pool for *_, pool in fleets], it_energy)
    found = [mean_power(*fleet, energy) for fleet, energy in zip(fleets, energies, strict=True)]
    return meter_energy / (sum(racks.boards + network for racks, network in found) * SECONDS_PER_YEAR)


def chain_of(
    specs: PlantSpecs,
    *,
    it_power: Array,
    full_it_power: Watts,
    cooling: Array,
    house: Array,
    fleets: Sequence[tuple[Unit, States, Fleet]],
) -> Chain:
    """The chain of a design's first year from its hours [H] and the fleets of its systems.

    Source: energy balance by the hour.
    """
    load = module_load_of(specs, it_power=it_power, full_it_power=full_it_power)
    stages, plain = specs.distribution.losses(load), specs.distribution.mechanical_loss(load)
    energies = energies_of([pool for *_, pool in fleets], it_power.mean(axis=-1) * SECONDS_PER_YEAR)
    racks, networks = zip(
        *(mean_power(*fleet, energy) for fleet, energy in zip(fleets, energies, strict=True)), strict=True
    )
    return Chain(
        cooling=cooling.mean(axis=-1),
        house=house.mean(axis=-1),
        transformer=(it_power * stages.transformer + (cooling + house) * plain).mean(axis=-1),
        conversion=(it_power * stages.conversion).mean(axis=-1),
        busway=(it_power * stages.busway).mean(axis=-1),
        network=sum(networks),
        racks=sum(racks[1:], start=racks[0]),
    )
