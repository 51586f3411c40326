"""Reading an interconnection agreement: a YAML file of its own, which a study names for its sites."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from stackwright.catalog import Catalog
from stackwright.core import yamltext
from stackwright.core.errors import InputError, shown
from stackwright.power.interconnection import Facility, Interconnection, Phase, RideThrough
from stackwright.stack.study.context import Reading, Section, keys_of, refuse, section_at, translate
from stackwright.stack.study.dates import Date, DateRange
from stackwright.stack.study.fields import ANY, Line, Quantity, Whole

MOST_BYTES = 100_000
MOST_PHASES = 50

Volume = Annotated[float, Quantity("MW", high="1e6")]
Duration = Annotated[float, Quantity("s")]
Dollars = Annotated[float, Quantity("USD")]


@dataclass(frozen=True)
class Agreement:
    """An agreement as read: its terms as numbers, and what people call it."""

    name: str
    parties: tuple[str, ...]
    source: str
    note: str
    file: str
    """As written in the study."""
    terms: Interconnection

    def wider(self, factor: float) -> Agreement:
        """The same agreement with so many times its power in every phase."""
        phases = tuple(
            replace(phase, firm=phase.firm * factor, nonfirm=phase.nonfirm * factor) for phase in self.terms.phases
        )
        return replace(self, terms=replace(self.terms, phases=phases))


class PhaseText(DateRange):
    """What is connected in all from a date on."""

    firm: Volume
    nonfirm: Volume = 0.0


class RideThroughText(Section):
    """Disturbances that the load has to pass while it stays connected."""

    voltage: Annotated[float, Quantity("", high="1")]
    time: Annotated[float, Quantity("s", above="0", high="600")]
    dips: Annotated[int, Whole(1, 1000)] = 1


class FacilityText(Section):
    """What stands at the site to meet the conditions."""

    battery_time: Duration | None = None
    dips_tolerated: Annotated[int, Whole(0, 1000)] | None = None
    step_time: Annotated[float, Quantity("s", above="0")] | None = None
    smoothing_power: Volume | None = None
    smoothing_energy: Annotated[float, Quantity("J")] | None = None


class AgreementText(Section):
    """The file."""

    name: Annotated[str, Line(200)] = Field(alias="interconnection")
    parties: Annotated[tuple[Annotated[str, Line(200)], ...], Field(max_length=20)] = ()
    source: Annotated[str, Line(5_000, lines=True)]
    note: Annotated[str, Line(20_000, lines=True)] = ""
    dated: Date
    phases: tuple[PhaseText, ...]
    curtailment: Annotated[float, Quantity("h", high="8760")] = 0.0
    upgrade_cost: Dollars = 0.0
    security: Dollars = 0.0
    security_rate: Annotated[float, Quantity("1/year", high="1")] = 0.0
    most_export: Volume = 0.0
    ramp_limit: Annotated[float, Quantity("MW/min", above="0")] | None = None
    ride_through: RideThroughText | None = None
    capacity_charge: Annotated[float, Quantity("USD/MW/year")] | None = None
    delivery_charge: Annotated[float, Quantity("USD/MWh")] | None = None
    facility: FacilityText = FacilityText()

    @field_validator("phases", mode="before")
    @classmethod
    def _some_phases(cls, value: Any) -> Any:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_PHASES:
            raise refuse(shown(value), f"a list of 1 to {MOST_PHASES} phases")
        return value

    @field_validator("phases")
    @classmethod
    def _growing(cls, phases: tuple[PhaseText, ...]) -> tuple[PhaseText, ...]:
        for number, (first, second) in enumerate(pairwise(phases), start=2):
            if second.firm + second.nonfirm <= first.firm + first.nonfirm or second.firm < first.firm:
                got = f"phase {number} with {_megawatts(second)} after {_megawatts(first)}"
                remedy = "Phases are cumulative: each says what is connected in all."
                raise refuse(got, "more megawatts in all and not less firm ones", remedy=remedy)
            if second.p50 < first.p50 or second.late < first.late:
                raise refuse(f"phase {number} before phase {number - 1}", "phases in the order of their dates")
        return phases

    @model_validator(mode="after")
    def _consistent(self) -> AgreementText:
        first = self.phases[0]
        if first.firm + first.nonfirm <= 0.0:
            raise refuse("a first phase of 0 MW", "megawatts in each phase")
        if first.p50 <= self.dated:
            remedy = "dated is the day on which the dates of the phases were stated."
            raise refuse("a phase at or before dated", "phases after dated", remedy=remedy)
        for item in self.phases:
            item.check_spread(self.dated)
        if self.curtailment and not any(phase.nonfirm for phase in self.phases):
            raise refuse("curtailment without non-firm power", "nonfirm in a phase, or no curtailment")
        if self.security and not self.security_rate:
            raise refuse(
                "security without its cost", "security_rate, such as 8 %/year", remedy="0.08 1/year is the same."
            )
        return self

    def terms(self) -> Interconnection:
        """The numbers of the agreement. Source: definition."""
        given = self.ride_through
        return Interconnection(
            dated=self.dated,
            phases=tuple(
                Phase(firm=item.firm, nonfirm=item.nonfirm, p50=item.p50, p90=item.late) for item in self.phases
            ),
            curtailed_time=self.curtailment,
            upgrade_cost=self.upgrade_cost,
            security=self.security,
            security_rate=self.security_rate,
            most_export=self.most_export,
            facility=Facility(**self.facility.model_dump()),
            ramp_limit=self.ramp_limit,
            ride_through=None if given is None else RideThrough(**given.model_dump()),
            capacity_charge=self.capacity_charge,
            delivery_charge=self.delivery_charge,
        )


def _megawatts(phase: PhaseText) -> str:
    return f"{phase.firm / 1e6:g} firm and {phase.nonfirm / 1e6:g} non-firm MW"


def read_agreement(path: Path, catalog: Catalog, *, shown_as: str | None = None) -> Agreement:
    """The agreement of a file. Raises `InputError` with every fault of it. Source: definition."""
    text = yamltext.read(path, most_bytes=MOST_BYTES)
    reading = Reading(text, catalog, path.parent)
    if not isinstance(text.data, dict):
        reading.fault((), shown(text.data), "a mapping that begins with interconnection: and phases:")
        raise InputError(text.with_own(reading.faults))
    given = {key: value for key, value in text.data.items() if value is not None}
    try:
        read = AgreementText.model_validate(given, context=reading)
    except ValidationError as error:
        for item in error.errors():
            translate(item, item["loc"], reading, lambda at: keys_of(section_at(AgreementText, at)))
        raise InputError(text.with_own(reading.faults)) from None
    if text.faults:
        raise InputError(text.faults)
    return Agreement(read.name, read.parties, read.source, read.note, shown_as or str(path), read.terms())


def agreements_of(value: Any, reading: Reading) -> dict[str, str]:
    """Site to file, of a file for all sites or of a mapping; what each file says is left in the reading.

    Source: definition.
    """
    written = value if isinstance(value, dict) else {ANY: value}
    found: dict[str, str] = {}
    for name, file in written.items():
        at = ("power", "interconnection", *((name,) if isinstance(value, dict) else ()))
        site = name if name == ANY else _site(name, reading, at)
        if not isinstance(file, str):
            reading.fault(at, shown(file), "the path of an agreement, relative to the study")
        elif site in found:
            reading.fault(
                at, f"a second agreement for {site}", "one for each site", remedy="Two names may mean one site."
            )
        elif site is not None and _read(file, reading, at):
            found[site] = file
    return found


def _site(name: str, reading: Reading, at: yamltext.Path_) -> str | None:
    try:
        return str(reading.catalog.resolve("datacenter", name, types=("Site",)).record.id)
    except InputError as error:
        fault = error.faults[0]
        reading.fault(at, fault.got, fault.expected, nearest=fault.nearest, remedy=fault.remedy)
        return None


def _read(file: str, reading: Reading, at: yamltext.Path_) -> bool:
    path = reading.directory / file
    if not _is_file(path):
        reading.fault(at, f"{shown(file)}, no file that can be read", "the path of an agreement, relative to the study")
        return False
    try:
        reading.agreements[file] = read_agreement(path, reading.catalog, shown_as=file)
        reading.files[file] = hashlib.sha256(path.read_bytes()).hexdigest()
    except InputError as error:
        reading.faults.extend(error.faults)
        return False
    return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
