"""The sections of a study, with their defaults, and the checks that hold within and between them.

Sections follow the layers: the demand, one menu of options per layer, constraints, and the stack to
compare with. A `Study` is one case of a file, frozen, ready to be planned.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from stackwright.core.errors import nearest
from stackwright.power.supply import CLEAN_COUNTS
from stackwright.stack.study.context import Reading, Section, reading_of, refuse
from stackwright.stack.study.dates import Dates
from stackwright.stack.study.fields import (
    ANY,
    EVERY,
    SAME,
    Architecture,
    Celsius,
    Choice,
    CoolingName,
    Degrees,
    DistributionName,
    FabricName,
    Life,
    Line,
    Mode,
    Money,
    Named,
    Offload,
    Options,
    Portability,
    Power,
    PowerCap,
    Precision,
    PrefillSystem,
    Quantity,
    Recompute,
    RedundancyName,
    Share,
    SiteName,
    SoftwareName,
    Sourcing,
    SystemName,
    Whole,
    Word,
)
from stackwright.stack.study.interconnection import Agreement, agreements_of

CONTRACTS = ("PhysicalContract", "FinancialContract", "AttributeContract")
PLANTS = ("Technology", "Storage")
SERVING_OBJECTIVES = (
    "cost_per_million_tokens",
    "tokens_per_second",
    "tokens_per_megawatt_hour",
    "npv",
    "carbon_per_million_tokens",
)
TRAINING_OBJECTIVES = ("cost_per_run",)


# Demand.


class WeightedTrace(Section):
    """A trace of requests and its share of all requests."""

    trace: Annotated[str, Named("workload", "Trace")]
    weight: Share = 1.0


class Lengths(Section):
    """Tokens of every request, where no trace is given."""

    input: Annotated[float, Quantity("token", low="1", high="10000000")]
    output: Annotated[float, Quantity("token", low="1", high="10000000")]


class PausableWork(Section):
    """Work that stops when power is short or dear; a run is done that much later."""

    pausable: Annotated[float, Quantity("", high="1")] = 0.0
    """Share that may be left undone when power is short."""
    pause_time: Annotated[float, Quantity("hour", low="0", high="8760")] = 0.0
    """Pauses of a year at most."""
    pause_value: Annotated[float, Quantity("USD/MWh")] = 0.0
    """What a megawatt-hour of work left undone loses."""


class FlexibleLoad(PausableWork):
    """Demand that can wait, or be left undone."""

    movable: Annotated[float, Quantity("", high="1")] = 0.0
    """Share that is done at any time of its window: batch work."""
    window: Annotated[float, Quantity("hour", low="1", high="24")] = 86_400.0

    @model_validator(mode="after")
    def _not_all(self) -> FlexibleLoad:
        if self.movable + self.pausable > 1.0:
            raise refuse(f"{self.movable + self.pausable:g} of the load", "shares that sum to at most 1")
        if (day := 86_400.0 / self.window) != int(day):
            raise refuse(f"a window of {self.window / 3600:g} hours", "a window that divides the day")
        return self


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
    flexible: FlexibleLoad | None = None

    @model_validator(mode="before")
    @classmethod
    def _presence(cls, data: Any, info: ValidationInfo) -> Any:
        reading, at = reading_of(info), ("demand",)
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
            raise refuse(f"weights that sum to {total:g}", "weights that sum to 1", remedy="Scale them.")
        if len({item.trace for item in traces}) < len(traces):
            raise refuse("the same trace twice", "each trace once", remedy="Add up its weights.")
        return traces


class TrainingDemand(Section):
    """A training run to be finished by a deadline."""

    kind: Literal["training"]
    model: Architecture | None = None
    tokens: Annotated[float, Quantity("token", above="0", high="1e18")]
    sequence: Annotated[float, Quantity("token", low="1", high="10000000")]
    global_batch: Annotated[int, Whole(1, 10_000_000)]
    deadline: Annotated[float, Quantity("day", above="0", high="3650")]
    flexible: PausableWork | None = None


class Horizon(Section):
    """The years that the stack is planned for."""

    first_year: Annotated[int, Whole(2020, 2060)] = 2027
    years: Annotated[int, Whole(1, 40)] = 5


# Menus, layer by layer.


class InterfaceMenu(Section):
    """How the service is bound to a platform: to one alone, or to none."""

    portability: Annotated[tuple[Portability, ...], *Options()] = ()
    """Where options are listed, the best over this fleet and the next decides; empty: none is decided."""


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
    prefill_system: Annotated[tuple[PrefillSystem, ...], *Options("rack", "System")] = (SAME,)
    tensor_parallel: Degrees = (1, 2, 4, 8)
    expert_parallel: Degrees = (1, 8, 16, 32, 64)
    pipeline_parallel: Degrees = (1,)
    context_parallel: Degrees = (1,)
    batch: Degrees = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
    chunk_tokens: Annotated[tuple[Annotated[int, Whole(0, 65_536)], ...], *Options()] = (2048,)
    draft_tokens: Annotated[tuple[Annotated[int, Whole(0, 16)], ...], *Options()] = (0,)
    weights_offload: Annotated[tuple[Offload, ...], *Options()] = (0.0,)
    cache_offload: Annotated[tuple[Offload, ...], *Options()] = (0.0,)

    @model_validator(mode="after")
    def _pools_apart(self) -> ServingMenu:
        if self.prefill_system != (SAME,) and "disaggregated" not in self.mode:
            got = "prefill_system, and no mode with a prefill pool"
            raise refuse(got, "disaggregated in mode", remedy="Leave prefill_system out.")
        return self


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
    """Sites, the year by which their hours are told, and their electrical design."""

    site: Annotated[tuple[SiteName, ...], *Options("datacenter", "Site")]
    year: Annotated[Literal["typical", "aligned"], Choice("typical", "aligned")] = "typical"
    """The site's usual weather, or that of the year of its prices."""
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
            raise refuse(got, "one of share: 0.8 and capacity: 400 MW")
        return self


class OwnPlant(Section):
    """A plant or storage behind the meter: of a given capacity, or sized between bounds."""

    technology: Annotated[str, Named("power", *PLANTS)]
    capacity: Power | None = None
    least: Annotated[float, Quantity("W")] = 0.0
    most: Power | None = None
    unit: Power | None = None
    """Of one machine, for the outage check."""

    @model_validator(mode="after")
    def _bounds(self) -> OwnPlant:
        if self.capacity is not None and (self.most is not None or self.least):
            raise refuse("a capacity beside bounds", "a capacity, or least and most")
        if self.most is not None and self.least > self.most:
            raise refuse("least above most", "least at or below most")
        return self


class CleanShare(Section):
    """A clean share of the load that a portfolio has to reach."""

    least: Annotated[float, Quantity("", above="0", high="1")]
    counted: Annotated[str, Choice(*CLEAN_COUNTS)] = "hourly"


class Portfolio(Section):
    """A named set of contracts and own plants; what they do not cover comes from the site's grid."""

    name: Word
    contracts: tuple[ContractedShare, ...] = ()
    plants: tuple[OwnPlant, ...] = ()
    clean: CleanShare | None = None

    @field_validator("plants")
    @classmethod
    def _distinct_plants(cls, plants: tuple[OwnPlant, ...]) -> tuple[OwnPlant, ...]:
        if len({item.technology for item in plants}) < len(plants):
            raise refuse("the same technology twice", "each technology once")
        return plants

    @field_validator("contracts")
    @classmethod
    def _distinct_contracts(cls, contracts: tuple[ContractedShare, ...]) -> tuple[ContractedShare, ...]:
        if len({item.contract for item in contracts}) < len(contracts):
            raise refuse("the same contract twice", "each contract once")
        if (total := math.fsum(item.share or 0.0 for item in contracts)) > 2:
            raise refuse(f"shares that sum to {total:g} of the mean load", "at most 2 (a surplus is sold)")
        return contracts


def _agreements(value: Any, info: ValidationInfo) -> dict[str, str]:
    return agreements_of(value, reading_of(info))


class PowerMenu(Section):
    """Portfolios of power contracts, and the agreements that connect the sites."""

    portfolio: Annotated[tuple[Portfolio, ...], *Options(most=50)] = (Portfolio(name="grid"),)
    interconnection: Annotated[dict[str, str], BeforeValidator(_agreements)] = Field(default_factory=dict)
    """Site, or any for all others, to the file of its agreement."""

    @field_validator("portfolio")
    @classmethod
    def _distinct_names(cls, portfolio: tuple[Portfolio, ...], info: ValidationInfo) -> tuple[Portfolio, ...]:
        if len({item.name for item in portfolio}) < len(portfolio):
            raise refuse("two portfolios of one name", "a name for each portfolio")
        for item in portfolio:
            if (total := math.fsum(contract.share or 0.0 for contract in item.contracts)) > 1:
                reading_of(info).note(
                    f"Portfolio {item.name} contracts {total:.0%} of the mean load; the surplus is sold."
                )
        return portfolio


class FinanceMenu(Section):
    """Who owns and who makes the chips, the records of terms and lease, and what the study sets in their place."""

    sourcing: Annotated[tuple[Sourcing, ...], *Options()] = ("buy",)
    lease: Annotated[str, Named("finance", "Lease")] = "wholesale-lease"
    program_volume: Annotated[float, Quantity("chip", above="0")] | None = None
    """Chips that a program of the buyer's own makes in its life."""
    terms: Annotated[str, Named("finance", "Terms")] = Field(default="corporate", validate_default=True)
    discount_rate: Annotated[float, Quantity("1/year", high="1")] | None = None
    chip_life: Life | None = None
    network_life: Life | None = None
    plant_life: Life | None = None
    building_life: Life | None = None
    chip_price_decline: Annotated[float, Quantity("1/year", high="1")] | None = None
    maintenance: Annotated[float, Quantity("1/year", high="1")] | None = None
    spares: Annotated[float, Quantity("", high="1")] | None = None


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
            raise refuse("two limits for one site", "one limit for each site", remedy="Two names may mean one site.")
        return limits


def _several(objectives: tuple[str, ...]) -> tuple[str, ...]:
    if len(objectives) < 2:
        raise refuse("one objective", "two or three, such as cost_per_million_tokens and carbon_per_million_tokens")
    return objectives


Front = Annotated[tuple[Annotated[str, Choice(*SERVING_OBJECTIVES)], ...], *Options(most=3), AfterValidator(_several)]


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
    interface: InterfaceMenu = InterfaceMenu()
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
    dates: Dates = Dates()
    fronts: tuple[Front, ...] = ()
    """Two or three objectives each: the designs that no other beats in all of them at once are told."""

    _case: str | None = PrivateAttr(default=None)
    _directory: Path = PrivateAttr(default=Path())
    _notes: tuple[str, ...] = PrivateAttr(default=())
    _files: dict[str, str] = PrivateAttr(default_factory=dict)
    _agreements: dict[str, Agreement] = PrivateAttr(default_factory=dict)

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

    def agreement(self, site: str) -> Agreement | None:
        """The interconnection agreement of a site, or None where the study names none."""
        known = self.power.interconnection
        file = known.get(site, known.get(ANY))
        return None if file is None else self._agreements[file]

    def with_wider_connections(self, factor: float) -> Study:
        """The study with limits of sites, and all phases of its agreements, so many times wider."""
        limits = self.constraints
        wider = {
            "site_power": None if limits.site_power is None else limits.site_power * factor,
            "sites_power": {site: value * factor for site, value in limits.sites_power.items()},
        }
        made = self.model_copy(update={"constraints": limits.model_copy(update=wider)})
        made._agreements = {file: agreement.wider(factor) for file, agreement in self._agreements.items()}
        return made

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
        if self.interface.portability:
            yield "interface.portability", self.interface.portability
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
                reading_of(info).fault(path, got, expected, nearest=nearest(site, sites))
        return constraints

    @field_validator("model")
    @classmethod
    def _precisions(cls, model: ModelMenu, info: ValidationInfo) -> ModelMenu:
        for precision in model.quality_loss:
            if precision not in model.precision:
                expected = f"a precision of this study: {', '.join(model.precision)}"
                reading_of(info).fault(("model", "quality_loss"), repr(precision), expected)
        return model

    @field_validator("reference")
    @classmethod
    def _portfolio(cls, reference: Reference, info: ValidationInfo) -> Reference:
        known = [item.name for item in info.data["power"].portfolio] if "power" in info.data else []
        if known and reference.portfolio is not None and reference.portfolio not in known:
            path, expected = ("reference", "portfolio"), f"a portfolio of this study: {', '.join(known)}"
            reading_of(info).fault(
                path, repr(reference.portfolio), expected, nearest=nearest(reference.portfolio, known)
            )
        return reference

    @field_validator("dates")
    @classmethod
    def _dated_once(cls, dates: Dates, info: ValidationInfo) -> Dates:
        power, reading = info.data.get("power"), reading_of(info)
        if power is None:
            return dates
        for site in dates.sites:
            if site in power.interconnection or ANY in power.interconnection:
                reading.fault(("dates", "sites", site), "dates of a site with an agreement", "the agreement's dates")
        held = {item.contract for portfolio in power.portfolio for item in portfolio.contracts}
        for contract in dates.contracts:
            if contract not in held:
                reading.note(f"dates.contracts has {contract}, which is in no portfolio of the study.")
        return dates

    @model_validator(mode="before")
    @classmethod
    def _kinds(cls, data: Any, info: ValidationInfo) -> Any:
        """Contradictions between sections that show in the text, whatever else is wrong with it."""
        demand = data.get("demand")
        if isinstance(demand, dict):
            for check in (_foreign_section, _objective, _fronts, _open_limits, _modeled, _listed_options):
                check(data, demand, reading_of(info))
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


def _fronts(data: dict, demand: dict, reading: Reading) -> None:
    fronts = data.get("fronts")
    named = {name for front in fronts if isinstance(front, list) for name in front} if isinstance(fronts, list) else ()
    if fronts and demand.get("kind") == "training":
        reading.fault(("fronts",), "fronts of a training study", "none: its one objective is cost_per_run")
    if "npv" in named and "token_price" not in demand:
        reading.fault(("fronts",), "npv without demand.token_price", "token_price, such as 2 USD/Mtoken")
    if "tokens_per_second" in named and demand.get("volume", "fixed") == "fixed":
        reading.fault(("fronts",), "tokens_per_second at a fixed volume", "an open volume, or another objective")


def _open_limits(data: dict, demand: dict, reading: Reading) -> None:
    limits = data.get("constraints")
    given = limits if isinstance(limits, dict) else {}
    power = data.get("power")
    agreed = isinstance(power, dict) and "interconnection" in power
    if demand.get("volume") == "open" and not agreed and not {"site_power", "sites_power", "budget"} & set(given):
        got = "an open volume without a limit"
        expected = "site_power, sites_power or budget to fill, or power.interconnection"
        reading.fault(("constraints",), got, expected)


def _modeled(data: dict, demand: dict, reading: Reading) -> None:
    menu = data.get("model")
    listed = isinstance(menu, dict) and "architecture" in menu
    trained = demand.get("kind") == "training" and "model" in demand
    if not listed and not trained:
        reading.fault(("model",), "no architecture", "model: {architecture: [...]}, the models to choose from")
    if listed and trained:
        reading.fault(("demand", "model"), "a model here and in model.architecture", "one of the two")


def _listed_options(data: dict, demand: dict, reading: Reading) -> None:
    menu = data.get("interface")
    if not isinstance(menu, dict) or "portability" not in menu:
        return
    path, objective = ("interface", "portability"), data.get("objective", SERVING_OBJECTIVES[0])
    if demand.get("kind") == "training":
        reading.fault(path, "options between platforms of a training study", "none: a service that goes on is priced")
    elif demand.get("volume") == "open":
        reading.fault(path, "options between platforms at an open volume", "a fixed volume, which all of them serve")
    elif objective != SERVING_OBJECTIVES[0]:
        got = f"options between platforms with the objective {objective}"
        reading.fault(path, got, f"the objective {SERVING_OBJECTIVES[0]}, in which they are priced")
