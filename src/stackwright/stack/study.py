"""The study: a demand, a menu of options per layer, and constraints, read from one YAML file.

`load` turns the file into frozen `Study` objects, one per case: quantities are SI floats, names are
record ids, omitted parts have their defaults. Nothing is guessed: every fault of the file is
reported together, with its line, what came, what was expected and the nearest good value.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from stackwright.catalog import Catalog
from stackwright.catalog.names import UnresolvedName
from stackwright.core import yamltext
from stackwright.core.errors import Fault, InputError, UnitError, nearest
from stackwright.core.units import parse, unit
from stackwright.core.yamltext import Text

MOST_BYTES = 200_000
MOST_CONFIG_BYTES = 4_000_000
MOST_BRACKETS = 64
LONGEST_QUANTITY = 60
MOST_OPTIONS = 1_000
MOST_CASES = 100
MOST_DESIGNS = 1e13
"""Above this, even the bounds of a search take days; the axes have to be cut first."""

CONTRACTS = ("PhysicalContract", "FinancialContract", "AttributeContract")
PRECISIONS = ("bf16", "fp8", "fp4", "int8")
SERVING_OBJECTIVES = (
    "cost_per_million_tokens",
    "tokens_per_second",
    "tokens_per_megawatt_hour",
    "npv",
    "carbon_per_million_tokens",
)
TRAINING_OBJECTIVES = ("cost_per_run",)
ANY = "any"
"""Written in place of a list of names: all records of that type."""

Path_ = tuple[str | int, ...]


# The reading of one case: what validators need to know and where they leave what they find.


@dataclass
class Reading:
    """One case of a study file while it is read."""

    text: Text
    catalog: Catalog
    directory: Path
    case: str | None = None
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def fault(self, path: Path_, got: str, expected: str, **more: str | None) -> None:
        """Note a fault at a path of the study, wherever the case or the study itself wrote it."""
        self.faults.append(self.text.fault(self._written(path), got, expected, **more))

    def note(self, text: str) -> None:
        """Note what the reader of the result has to know about the input."""
        if text and text not in self.notes:
            self.notes.append(text)

    def _written(self, path: Path_) -> Path_:
        """The path as the file has it: inside the case that sets it, else in the study's own part."""
        if self.case is None:
            return path
        for length in range(len(path), 0, -1):
            if ("cases", self.case, *path[:length]) in self.text.lines:
                return ("cases", self.case, *path)
            if path[:length] in self.text.lines:
                return path
        return ("cases", self.case, *path)


def _reading(info: ValidationInfo) -> Reading:
    assert isinstance(info.context, Reading)
    return info.context


def _refuse(got: str, expected: str, near: str | None = None, remedy: str | None = None) -> PydanticCustomError:
    return PydanticCustomError(
        "fault", "bad value", {"got": got, "expected": expected, "nearest": near, "remedy": remedy}
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a whole number of more than 60 digits"
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


# Types of fields.


def Quantity(
    unit_text: str, *, low: str | None = "0", above: str | None = None, high: str | None = None
) -> BeforeValidator:
    """A quantity of this unit, as an SI float, within limits that are written in the same unit.

    `low` and `high` may be reached, `above` may not. Source: definition.
    """
    expected = unit(unit_text)
    lowest = parse(f"{above or low} {unit_text}", expected) if above or low else -math.inf
    highest = parse(f"{high} {unit_text}", expected) if high else math.inf
    wanted = _wanted(unit_text, low, above, high)

    def read(value: Any) -> float:
        if isinstance(value, str) and "," in value:
            raise _refuse(_shown(value), wanted, remedy="Write it without commas, such as 1500 or 1.5e3.")
        if isinstance(value, str) and len(value) > LONGEST_QUANTITY:
            raise _refuse(_shown(value), wanted)
        try:
            number = parse(value, expected)
        except UnitError as error:
            raise _refuse(_shown(value), wanted, remedy=f"({_shortened(str(error))})") from None
        except (OverflowError, ValueError):
            raise _refuse(_shown(value), wanted) from None
        if not lowest <= number <= highest or (above and number == lowest):
            raise _refuse(_shown(value), wanted)
        return number

    return BeforeValidator(read)


def _wanted(unit_text: str, low: str | None, above: str | None, high: str | None) -> str:
    smallest = f"above {above}" if above else f"at least {low}" if low else ""
    largest = f"at most {high}" if high else ""
    limits = " and ".join(filter(None, (smallest, largest)))
    what = f"a quantity in {unit_text}" if unit_text else "a number"
    return f"{what}, {limits} {unit_text}".rstrip() if limits else what


def _shortened(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."


def Whole(low: int, high: int) -> BeforeValidator:
    """A whole number within limits. Source: definition."""

    def read(value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _refuse(_shown(value), f"a whole number from {low} to {high}")
        return value

    return BeforeValidator(read)


def Choice(*words: str) -> BeforeValidator:
    """One of these words. Source: definition."""

    def read(value: Any) -> str:
        if value not in words:
            near = nearest(value, words) if isinstance(value, str) else None
            raise _refuse(_shown(value), f"one of {', '.join(words)}", near)
        return value

    return BeforeValidator(read)


def Named(layer: str, *types: str) -> BeforeValidator:
    """The name of a record of one of these types, as its id. Source: definition."""

    def read(value: Any, info: ValidationInfo) -> str:
        reading = _reading(info)
        try:
            found = reading.catalog.resolve(layer, value, types=types)
        except UnresolvedName as error:
            fault = error.faults[0]
            raise _refuse(fault.got, fault.expected, fault.nearest, fault.remedy) from None
        if found.note:
            reading.note(f"{value}: {found.note}")
        return found.record.id

    return BeforeValidator(read)


def _architecture(value: Any, info: ValidationInfo) -> str:
    """A model record's id, or the path of a config.json beside the study, as written."""
    if not isinstance(value, str) or not value.endswith(".json"):
        return Named("model").func(value, info)  # type: ignore[call-arg]
    reading = _reading(info)
    content = _config(reading.directory / value)
    if content is None:
        wanted = "a model of the catalog, or the path of a config.json, relative to the study"
        raise _refuse(f"{_shown(value)}, no file that can be read", wanted)
    reading.files[value] = hashlib.sha256(content).hexdigest()
    return value


def _config(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= MOST_CONFIG_BYTES else None
    except (OSError, ValueError):
        return None


def Options(*every: str, most: int = MOST_OPTIONS) -> tuple[Any, ...]:
    """A menu: a list of distinct options, or one option alone.

    `every` is the layer, and the record types in it, that the word ``any`` stands for. Returns the
    metadata of an `Annotated` tuple. Source: definition.
    """

    def read(value: Any, info: ValidationInfo) -> list[Any]:
        if value == ANY and every:
            return _every(_reading(info).catalog, *every)
        made = value if isinstance(value, list) else [value]
        if isinstance(value, dict) or not made:
            raise _refuse(_shown(value) if made else "an empty list", f"a list of options{' or any' if every else ''}")
        if len(made) > most:
            raise _refuse(f"{len(made)} options", f"at most {most} options")
        return made

    return BeforeValidator(read), AfterValidator(_distinct)


def _every(catalog: Catalog, layer: str, *types: str) -> list[str]:
    found = [record.id for record in catalog.records(layer) if not types or record.type in types]
    if not found:
        raise _refuse("any, of which the catalog has none", "names of records")
    return found


def _distinct(options: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = sorted({str(option) for option in options if options.count(option) > 1})
    if twice:
        raise _refuse(
            f"{', '.join(twice[:5])} more than once", "each option once", remedy="Two names may mean one record."
        )
    return options


def Line(longest: int, *, lines: bool = False) -> BeforeValidator:
    """Text without control characters. Source: definition."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest:
            raise _refuse(_shown(value), f"text of at most {longest} characters")
        if any(_hidden(character) and not (lines and character in "\n\t") for character in value):
            raise _refuse(_shown(value), "text without control characters")
        return value.strip()

    return BeforeValidator(read)


def _hidden(character: str) -> bool:
    """Control characters, and those that turn the direction of the text that follows."""
    return (
        unicodedata.category(character) in ("Cc", "Cs")
        or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def _word(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", value):
        remedy = f"Quote it: '{value}'." if isinstance(value, int) and not isinstance(value, bool) else None
        raise _refuse(_shown(value), "a short word of lower-case letters, digits and dashes", remedy=remedy)
    return value


Word = Annotated[str, BeforeValidator(_word)]
Share = Annotated[float, Quantity("", above="0", high="1")]
Precision = Annotated[str, Choice(*PRECISIONS)]
Degree = Annotated[int, Whole(1, 65_536)]
Degrees = Annotated[tuple[Degree, ...], *Options()]
Celsius = Annotated[float, Quantity("degC", low="5", high="70")]
Life = Annotated[float, Quantity("year", low="1", high="60")]
Money = Annotated[float, Quantity("USD", above="0")]
Power = Annotated[float, Quantity("W", above="0")]
PowerCap = Annotated[float, Quantity("", low="0.3", high="1")]
Sourcing = Annotated[str, Choice("buy", "rent")]
Mode = Annotated[str, Choice("aggregated", "disaggregated")]
Recompute = Annotated[str, Choice("none", "selective", "full")]

Architecture = Annotated[str, BeforeValidator(_architecture)]
SoftwareName = Annotated[str, Named("interface", "SoftwareStack")]
SystemName = Annotated[str, Named("rack", "System")]
FabricName = Annotated[str, Named("network", "Fabric")]
CoolingName = Annotated[str, Named("cooling")]
SiteName = Annotated[str, Named("datacenter", "Site")]
RedundancyName = Annotated[str, Named("datacenter", "Redundancy")]
DistributionName = Annotated[str, Named("datacenter", "Distribution")]

EVERY: Any = Field(default=ANY, validate_default=True)
"""Default of a menu: every record of its type."""


class Section(BaseModel):
    """A part of a study: frozen, no unknown keys; an empty part is the same as an absent one."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


# Demand.


class WeightedTrace(Section):
    """A trace of requests and its share of all requests."""

    trace: Annotated[str, Named("workload", "Trace")]
    weight: Share = 1.0


class Lengths(Section):
    """Tokens of every request, where no trace is given."""

    input: Annotated[float, Quantity("token", low="1", high="10000000")]
    output: Annotated[float, Quantity("token", low="1", high="10000000")]


class ServingDemand(Section):
    """Requests to be served within latency objectives."""

    kind: Literal["serving"]
    volume: Annotated[str, Choice("fixed", "open")] = "fixed"
    traces: Annotated[tuple[WeightedTrace, ...], *Options(most=20)] = ()
    lengths: Lengths | None = None
    requests: Annotated[float, Quantity("request/day", above="0", high="1e15")] | None = None
    growth: Annotated[float, Quantity("1/year", low="-0.9", high="10")] = 0.0
    shape: Annotated[str, Named("workload", "LoadShape")] | None = None
    ttft: Annotated[float, Quantity("s", above="0", high="86400")]
    tpot: Annotated[float, Quantity("s", above="0", high="3600")]
    prefix_hits: Annotated[float, Quantity("", low="0", high="0.999")] | None = None
    token_price: Annotated[float, Quantity("USD/Mtoken", above="0")] | None = None

    @model_validator(mode="before")
    @classmethod
    def _presence(cls, data: Any, info: ValidationInfo) -> Any:
        reading, at = _reading(info), ("demand",)
        if not isinstance(data, dict):
            return data
        if "traces" in data and "lengths" in data:
            remedy = "Leave one out (in a case: set it to null)."
            reading.fault((*at, "lengths"), "both traces and lengths", "one of the two", remedy=remedy)
        if "traces" not in data and "lengths" not in data:
            reading.fault(
                at, "neither traces nor lengths", "traces, or lengths: {input: 1024 token, output: 256 token}"
            )
        is_open = data.get("volume") == "open"
        if not is_open and "requests" not in data:
            remedy = "Or set volume: open with a limit on site power or budget."
            reading.fault(at, "no requests", "requests, such as 40e6 request/day", remedy=remedy)
        for key in ("requests", "growth"):
            if is_open and key in data:
                remedy = "Leave it out, or set volume: fixed."
                reading.fault((*at, key), f"{key} with an open volume", "a volume that the limits fill", remedy=remedy)
        return data

    @field_validator("traces")
    @classmethod
    def _weights(cls, traces: tuple[WeightedTrace, ...]) -> tuple[WeightedTrace, ...]:
        total = math.fsum(item.weight for item in traces)
        if traces and abs(total - 1.0) > 1e-6:
            raise _refuse(f"weights that sum to {total:g}", "weights that sum to 1", remedy="Scale them.")
        if len({item.trace for item in traces}) < len(traces):
            raise _refuse("the same trace twice", "each trace once", remedy="Add up its weights.")
        return traces


class TrainingDemand(Section):
    """A training run to be finished by a deadline."""

    kind: Literal["training"]
    model: Architecture | None = None
    tokens: Annotated[float, Quantity("token", above="0", high="1e18")]
    sequence: Annotated[float, Quantity("token", low="1", high="10000000")]
    global_batch: Annotated[int, Whole(1, 10_000_000)]
    deadline: Annotated[float, Quantity("day", above="0", high="3650")]


class Horizon(Section):
    """The years that the stack is planned for."""

    first_year: Annotated[int, Whole(2020, 2060)] = 2027
    years: Annotated[int, Whole(1, 40)] = 5


# Menus, layer by layer.


class ModelMenu(Section):
    """Architectures (record ids or config files) and the precision of weights and cache."""

    architecture: Annotated[tuple[Architecture, ...], *Options()] = ()
    precision: Annotated[tuple[Precision, ...], *Options()] = ("bf16", "fp8")
    cache_precision: Annotated[tuple[Precision, ...], *Options()] = ("bf16",)
    quality_loss: dict[Precision, Annotated[float, Quantity("", low="0", high="1")]] = Field(default_factory=dict)


class ServingMenu(Section):
    """How the model is served."""

    software: Annotated[tuple[SoftwareName, ...], *Options("interface", "SoftwareStack")] = EVERY
    mode: Annotated[tuple[Mode, ...], *Options()] = ("aggregated", "disaggregated")
    tensor_parallel: Degrees = (1, 2, 4, 8)
    expert_parallel: Degrees = (1, 8, 16, 32, 64)
    pipeline_parallel: Degrees = (1,)
    batch: Degrees = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
    draft_tokens: Annotated[tuple[Annotated[int, Whole(0, 16)], ...], *Options()] = (0,)


class TrainingMenu(Section):
    """How the model is trained."""

    tensor_parallel: Degrees = (1, 2, 4, 8)
    pipeline_parallel: Degrees = (1, 2, 4, 8, 16)
    expert_parallel: Degrees = (1, 8)
    micro_batch: Degrees = (1, 2)
    recompute: Annotated[tuple[Recompute, ...], *Options()] = ("none", "selective", "full")


class ChipMenu(Section):
    """Settings of the chip that the rack carries."""

    power_cap: Annotated[tuple[PowerCap, ...], *Options()] = (1.0,)


class RackMenu(Section):
    """Systems as their vendors sell them."""

    system: Annotated[tuple[SystemName, ...], *Options("rack", "System")]


class NetworkMenu(Section):
    """Scale-out fabrics."""

    fabric: Annotated[tuple[FabricName, ...], *Options("network", "Fabric")] = EVERY
    oversubscription: Annotated[tuple[Annotated[float, Quantity("", low="1", high="32")], ...], *Options()] = (1.0,)


class CoolingMenu(Section):
    """Cooling types and the temperature at which they supply the IT."""

    type: Annotated[tuple[CoolingName, ...], *Options("cooling")] = EVERY
    supply_temperature: Annotated[tuple[Celsius, ...], *Options()] = (303.15,)


class DatacenterMenu(Section):
    """Sites and their electrical design."""

    site: Annotated[tuple[SiteName, ...], *Options("datacenter", "Site")]
    redundancy: Annotated[tuple[RedundancyName, ...], *Options("datacenter", "Redundancy")] = ("n-plus-1",)
    distribution: Annotated[tuple[DistributionName, ...], *Options("datacenter", "Distribution")] = EVERY


class ContractedShare(Section):
    """A power contract, and how much of it: a share of the mean load, or a capacity."""

    contract: Annotated[str, Named("power", *CONTRACTS)]
    share: Annotated[float, Quantity("", above="0", high="2")] | None = None
    capacity: Power | None = None

    @model_validator(mode="after")
    def _one_amount(self) -> ContractedShare:
        if (self.share is None) == (self.capacity is None):
            got = "neither share nor capacity" if self.share is None else "both share and capacity"
            raise _refuse(got, "one of share: 0.8 and capacity: 400 MW")
        return self


class Portfolio(Section):
    """A named set of contracts; what they do not cover comes from the site's grid."""

    name: Word
    contracts: tuple[ContractedShare, ...] = ()

    @field_validator("contracts")
    @classmethod
    def _distinct_contracts(cls, contracts: tuple[ContractedShare, ...]) -> tuple[ContractedShare, ...]:
        if len({item.contract for item in contracts}) < len(contracts):
            raise _refuse("the same contract twice", "each contract once")
        if (total := math.fsum(item.share or 0.0 for item in contracts)) > 2:
            raise _refuse(f"shares that sum to {total:g} of the mean load", "at most 2 (a surplus is sold)")
        return contracts


class PowerMenu(Section):
    """Portfolios of power contracts."""

    portfolio: Annotated[tuple[Portfolio, ...], *Options(most=50)] = (Portfolio(name="grid"),)

    @field_validator("portfolio")
    @classmethod
    def _distinct_names(cls, portfolio: tuple[Portfolio, ...], info: ValidationInfo) -> tuple[Portfolio, ...]:
        if len({item.name for item in portfolio}) < len(portfolio):
            raise _refuse("two portfolios of one name", "a name for each portfolio")
        for item in portfolio:
            if (total := math.fsum(contract.share or 0.0 for contract in item.contracts)) > 1:
                _reading(info).note(
                    f"Portfolio {item.name} contracts {total:.0%} of the mean load; the surplus is sold."
                )
        return portfolio


class FinanceMenu(Section):
    """Who owns the chips, the record of financing terms, and what the study sets in its place."""

    sourcing: Annotated[tuple[Sourcing, ...], *Options()] = ("buy",)
    terms: Annotated[str, Named("finance", "Terms")] = Field(default="corporate", validate_default=True)
    discount_rate: Annotated[float, Quantity("1/year", high="1")] | None = None
    chip_life: Life | None = None
    network_life: Life | None = None
    plant_life: Life | None = None
    building_life: Life | None = None
    chip_price_decline: Annotated[float, Quantity("1/year", high="1")] | None = None
    maintenance: Annotated[float, Quantity("1/year", high="1")] | None = None
    spares: Annotated[float, Quantity("", high="1")] | None = None
    staff: Annotated[float, Quantity("USD/kW/year")] | None = None


class Constraints(Section):
    """Limits that every stack has to keep; None is no limit."""

    site_power: Power | None = None
    sites_power: dict[SiteName, Power] = Field(default_factory=dict)
    budget: Money | None = None
    water: Annotated[float, Quantity("m3/year")] | None = None
    carbon: Annotated[float, Quantity("kgCO2/year")] | None = None

    @field_validator("sites_power", mode="wrap")
    @classmethod
    def _one_limit_each(cls, given: Any, read: ValidatorFunctionWrapHandler) -> Any:
        limits = read(given)
        if len(limits) < len(given):
            raise _refuse("two limits for one site", "one limit for each site", remedy="Two names may mean one site.")
        return limits


class Reference(Section):
    """The stack to compare with; what it leaves out is the study's own reference."""

    rack: SystemName | None = None
    software: SoftwareName | None = None
    fabric: FabricName | None = None
    cooling: CoolingName | None = None
    supply_temperature: Celsius | None = None
    site: SiteName | None = None
    redundancy: RedundancyName | None = None
    distribution: DistributionName | None = None
    portfolio: Word | None = None
    precision: Precision | None = None
    power_cap: PowerCap | None = None
    sourcing: Sourcing | None = None


# The study.


class Study(Section):
    """One study, or one case of it, ready to be planned. All quantities are SI; names are record ids."""

    id: Word = Field(alias="study")
    title: Annotated[str, Line(200)] = ""
    note: Annotated[str, Line(20_000, lines=True)] = ""
    seed: Annotated[int, Whole(0, 2**32 - 1)] = 1
    objective: Annotated[str, Choice(*SERVING_OBJECTIVES, *TRAINING_OBJECTIVES)] | None = None
    demand: Annotated[ServingDemand | TrainingDemand, Field(discriminator="kind")]
    horizon: Horizon = Horizon()
    model: ModelMenu = ModelMenu()
    serving: ServingMenu = Field(default_factory=dict, validate_default=True)
    training: TrainingMenu = TrainingMenu()
    chip: ChipMenu = ChipMenu()
    rack: RackMenu
    network: NetworkMenu = Field(default_factory=dict, validate_default=True)
    cooling: CoolingMenu = Field(default_factory=dict, validate_default=True)
    datacenter: DatacenterMenu
    power: PowerMenu = PowerMenu()
    finance: FinanceMenu = Field(default_factory=dict, validate_default=True)
    constraints: Constraints = Constraints()
    reference: Reference = Reference()

    _case: str | None = PrivateAttr(default=None)
    _directory: Path = PrivateAttr(default=Path())
    _notes: tuple[str, ...] = PrivateAttr(default=())
    _files: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def case(self) -> str | None:
        """The name of this case, or None where the study has no cases."""
        return self._case

    @property
    def notes(self) -> tuple[str, ...]:
        """What the input's names and shares need to have said beside the result."""
        return self._notes

    @property
    def files(self) -> Mapping[str, str]:
        """Files that the study names, as written, to the SHA-256 of their content."""
        return self._files

    def config_path(self, architecture: str) -> Path | None:
        """Where the config.json of an architecture lies, or None if it is a record of the catalog."""
        return self._directory / architecture if architecture in self._files else None

    @property
    def axes(self) -> dict[str, int]:
        """``layer.field`` of every menu to its number of options, by the kind of demand."""
        return {path: len(options) for path, options in self._menus()}

    @property
    def designs(self) -> float:
        """Designs in the grid: the product of all axes, before any is found infeasible."""
        return math.prod(float(size) for size in self.axes.values())

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping for JSON: SI numbers and record ids."""
        unused = {"training"} if self.demand.kind == "serving" else {"serving"}
        return self.model_dump(mode="json", by_alias=True, exclude=unused) | {"case": self.case}

    def digest(self) -> str:
        """SHA-256 of the content, including that of the files it names; words for people do not count."""
        content = self.as_dict()
        for key in ("title", "note"):
            del content[key]
        canonical = json.dumps([content, sorted(self.files.items())], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def _menus(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        software = "serving" if self.demand.kind == "serving" else "training"
        for layer in ("model", software, "chip", "rack", "network", "cooling", "datacenter", "power", "finance"):
            for name, value in getattr(self, layer):
                if isinstance(value, tuple):
                    yield f"{layer}.{name}", value

    @field_validator("constraints")
    @classmethod
    def _limits(cls, constraints: Constraints, info: ValidationInfo) -> Constraints:
        sites = info.data["datacenter"].site if "datacenter" in info.data else ()
        for site in constraints.sites_power if sites else ():
            if site not in sites:
                got, expected = f"a limit for {site!r}", f"a site of this study: {', '.join(sites)}"
                path = ("constraints", "sites_power")
                _reading(info).fault(path, got, expected, nearest=nearest(site, sites))
        return constraints

    @field_validator("model")
    @classmethod
    def _precisions(cls, model: ModelMenu, info: ValidationInfo) -> ModelMenu:
        for precision in model.quality_loss:
            if precision not in model.precision:
                expected = f"a precision of this study: {', '.join(model.precision)}"
                _reading(info).fault(("model", "quality_loss"), repr(precision), expected)
        return model

    @field_validator("reference")
    @classmethod
    def _portfolio(cls, reference: Reference, info: ValidationInfo) -> Reference:
        known = [item.name for item in info.data["power"].portfolio] if "power" in info.data else []
        if known and reference.portfolio is not None and reference.portfolio not in known:
            path, expected = ("reference", "portfolio"), f"a portfolio of this study: {', '.join(known)}"
            _reading(info).fault(path, repr(reference.portfolio), expected, nearest=nearest(reference.portfolio, known))
        return reference

    @model_validator(mode="before")
    @classmethod
    def _kinds(cls, data: Any, info: ValidationInfo) -> Any:
        """Contradictions between sections that show in the text, whatever else is wrong with it."""
        demand = data.get("demand")
        if isinstance(demand, dict):
            for check in (_foreign_section, _objective, _open_limits, _modeled):
                check(data, demand, _reading(info))
        return data


def _foreign_section(data: dict, demand: dict, reading: Reading) -> None:
    foreign = {"serving": "training", "training": "serving"}.get(str(demand.get("kind")))
    if foreign and foreign in data:
        reading.fault(
            (foreign,), f"a {foreign} section", f"none, as the demand is {demand['kind']}", remedy="Leave it out."
        )


def _objective(data: dict, demand: dict, reading: Reading) -> None:
    objective, kind = data.get("objective"), demand.get("kind")
    known = {"serving": SERVING_OBJECTIVES, "training": TRAINING_OBJECTIVES}.get(str(kind), ())
    foreign = [name for name in (*SERVING_OBJECTIVES, *TRAINING_OBJECTIVES) if name not in known]
    if known and objective in foreign:
        reading.fault(("objective",), repr(objective), f"an objective of {kind}: {', '.join(known)}")
    if objective == "npv" and kind == "serving" and "token_price" not in demand:
        reading.fault(("demand",), "no token_price", "token_price, such as 2 USD/Mtoken, as the objective is npv")
    if objective == "tokens_per_second" and kind == "serving" and demand.get("volume", "fixed") == "fixed":
        remedy = "Set volume: open and a limit, or choose another objective."
        reading.fault(("objective",), "tokens_per_second at a fixed volume", "an open volume", remedy=remedy)


def _open_limits(data: dict, demand: dict, reading: Reading) -> None:
    limits = data.get("constraints")
    given = limits if isinstance(limits, dict) else {}
    if demand.get("volume") == "open" and not {"site_power", "sites_power", "budget"} & set(given):
        got, expected = "an open volume without a limit", "site_power, sites_power or budget to fill"
        reading.fault(("constraints",), got, expected)


def _modeled(data: dict, demand: dict, reading: Reading) -> None:
    menu = data.get("model")
    listed = isinstance(menu, dict) and "architecture" in menu
    trained = demand.get("kind") == "training" and "model" in demand
    if not listed and not trained:
        reading.fault(("model",), "no architecture", "model: {architecture: [...]}, the models to choose from")
    if listed and trained:
        reading.fault(("demand", "model"), "a model here and in model.architecture", "one of the two")


# Reading a file.


def load(path: Path, catalog: Catalog) -> list[Study]:
    """The studies of a file: one per case, or one. Raises `InputError` with every fault of all cases.

    Source: definition.
    """
    return [study for _, study in _load(path, catalog)]


def load_given(path: Path, catalog: Catalog) -> list[Study]:
    """As `load`, for files that give one stack: every menu has to have one option. Source: definition."""
    loaded = _load(path, catalog)
    for reading, study in loaded:
        for axis, size in study.axes.items():
            if size != 1:
                expected = "one option, as this file gives one stack"
                reading.fault(tuple(axis.split(".")), f"{size} options", expected)
    _raise_all(reading for reading, _ in loaded)
    return [study for _, study in loaded]


def _load(path: Path, catalog: Catalog) -> list[tuple[Reading, Study]]:
    text = _read(path)
    if not isinstance(text.data, dict):
        raise InputError([text.fault((), _shown(text.data), "a mapping that begins with study: and demand:")])
    cases: list[str | None] = [*_cases(text)] or [None]
    readings = [Reading(text, catalog, path.parent, case) for case in cases]
    studies = [_study(reading) for reading in readings]
    _raise_all(readings)
    return [(reading, study) for reading, study in zip(readings, studies, strict=True) if study]


def _raise_all(readings: Iterable[Reading]) -> None:
    faults = dict.fromkeys(fault for reading in readings for fault in reading.faults)
    if faults:
        raise InputError(sorted(faults, key=lambda fault: (fault.line or 0, fault.path)))


def _read(path: Path) -> Text:
    """The file's text, after the checks that have to come before a YAML parser may see it."""
    try:
        if path.is_file():
            _refuse_hostile(path)
        elif path.exists() and not path.is_dir():
            raise InputError([Fault(str(path), "", "a device or pipe", "a YAML file")])
    except OSError as error:
        got = error.strerror or str(error)
        raise InputError([Fault(str(path), "", got, "a file that can be read")]) from None
    return yamltext.read(path)


def _refuse_hostile(path: Path) -> None:
    """Refuse text whose mere size or nesting would keep a YAML parser busy for minutes."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InputError([Fault(str(path), "", f"{size} bytes", f"a study of at most {MOST_BYTES} bytes")])
    if _deepest(path.read_text(encoding="utf-8", errors="replace")) > MOST_BRACKETS:
        raise InputError([Fault(str(path), "", f"more than {MOST_BRACKETS} open brackets", "a flatter file")])


def _deepest(raw: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", raw):
        depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def _cases(text: Text) -> list[str]:
    cases = text.data.get("cases")
    if cases is None:
        return []
    if not isinstance(cases, dict) or not cases:
        raise InputError([text.fault(("cases",), _shown(cases), "a mapping from a case's name to what it changes")])
    faults = []
    if len(cases) > MOST_CASES:
        faults.append(text.fault(("cases",), f"{len(cases)} cases", f"at most {MOST_CASES} cases"))
    for name, changes in cases.items():
        at = ("cases", name)
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
            faults.append(text.fault(at, _shown(name), "a case name of lower-case letters, digits and dashes"))
        elif not isinstance(changes, dict | None):
            faults.append(text.fault(at, _shown(changes), "a mapping of what the case changes"))
        elif foreign := {"study", "cases"} & set(changes or {}):
            faults.extend(
                text.fault((*at, key), f"key {key!r}", "a part of a study to change") for key in sorted(foreign)
            )
    if faults:
        raise InputError(faults)
    return list(cases)


def _study(reading: Reading) -> Study | None:
    base = {key: value for key, value in reading.text.data.items() if key != "cases"}
    changes = reading.text.data["cases"][reading.case] if reading.case else None
    data = _without_nulls(_merged(base, changes or {}))
    try:
        study = Study.model_validate(data, context=reading)
    except ValidationError as error:
        for item in error.errors():
            _translate(item, data, reading)
        return None
    study = _settled(study, reading)
    if study.designs > MOST_DESIGNS:
        largest = sorted(study.axes.items(), key=lambda axis: -axis[1])[:3]
        remedy = "Shorten " + ", ".join(f"{name} ({size})" for name, size in largest) + "."
        reading.fault((), f"{study.designs:.3g} designs", f"at most {MOST_DESIGNS:.0e} designs", remedy=remedy)
    return study


def _settled(study: Study, reading: Reading) -> Study:
    """The study with what follows from its other parts, and what was learned while reading it."""
    changes: dict[str, Any] = {}
    if study.objective is None:
        changes["objective"] = SERVING_OBJECTIVES[0] if study.demand.kind == "serving" else TRAINING_OBJECTIVES[0]
    if isinstance(study.demand, TrainingDemand) and study.demand.model:
        changes["model"] = study.model.model_copy(update={"architecture": (study.demand.model,)})
    settled = study.model_copy(update=changes)
    settled._case, settled._directory = reading.case, reading.directory
    settled._notes, settled._files = tuple(reading.notes), dict(reading.files)
    return settled


def _merged(base: Any, changes: Any) -> Any:
    """The study under a case: mappings merge key by key, everything else is replaced."""
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return changes
    return base | {key: _merged(base.get(key), value) for key, value in changes.items()}


def _without_nulls(data: Any) -> Any:
    """Without keys that have no value: an empty key is an absent one, and a case can take a key away."""
    if isinstance(data, dict):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    return [_without_nulls(item) for item in data] if isinstance(data, list) else data


def _translate(item: ErrorDetails, data: dict, reading: Reading) -> None:
    """Note one pydantic error as a fault of the file."""
    path = _plain(item["loc"])
    kind, got, context = item["type"], _shown(item["input"]), item.get("ctx", {})
    if kind == "fault":
        reading.fault(path, **{key: context[key] for key in ("got", "expected", "nearest", "remedy")})
    elif kind == "missing":
        reading.fault(path, "nothing", f"a value for {path[-1]!r}")
    elif kind == "extra_forbidden":
        known = _keys(path[:-1], data)
        near = nearest(str(path[-1]), known)
        reading.fault(path, f"key {path[-1]!r}", f"a key out of {', '.join(known)}", nearest=near)
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        tag = item["input"].get("kind") if isinstance(item["input"], dict) else None
        reading.fault((*path, "kind"), _shown(tag), "kind: serving or kind: training")
    elif kind in ("model_type", "model_attributes_type", "dict_type"):
        reading.fault(path, got, "a mapping of keys to values")
    else:
        reading.fault(path, got, item["msg"])


def _plain(loc: Sequence[str | int]) -> Path_:
    """Pydantic's path without the marks that it adds: the kind of a demand, and ``[key]``."""
    path = tuple(part for part in loc if part != "[key]")
    if len(path) > 1 and path[0] == "demand" and path[1] in ("serving", "training"):
        return ("demand", *path[2:])
    return path


def _keys(path: Path_, data: dict) -> list[str]:
    """The keys that a section of the study may have."""
    section: Any = Study
    for part in (part for part in path if isinstance(part, str)):
        if part == "demand":
            section = {"serving": ServingDemand, "training": TrainingDemand}[data["demand"]["kind"]]
        else:
            section = next(_sections(section.model_fields[part].annotation), section)
    keys = [item.alias or name for name, item in section.model_fields.items()]
    return [*keys, "cases"] if section is Study else keys


def _sections(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in get_args(annotation):
        yield from _sections(part)
