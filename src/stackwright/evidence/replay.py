"""Runs of a served model, replayed: from a load on a layout of chips to every figure that a row may state.

A run says all that the engine needs. A reading is the runs that one row may describe, with weights:
what a row leaves out makes several; its prediction is the median of their mixture.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.power import PowerFamily
from stackwright.core.errors import Fault, InputError, StackwrightError
from stackwright.core.units import Watts
from stackwright.evidence.names import Spread
from stackwright.evidence.predictions import Predictions, mixture_quantiles, refused, spread_of
from stackwright.interface.software import SoftwareStack
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.rack.system import System
from stackwright.serving import queueing
from stackwright.serving.replica import Machine
from stackwright.serving.service import DecodeStep, Lengths, Prefill, Service, aggregated, disaggregated
from stackwright.stack.exchange import sent_bytes_per_token
from stackwright.stack.parts import Part, Parts
from stackwright.stack.performance import Cell, Hardware

GRID = 2.0 ** np.arange(-8.0, 1.0)
"""Batches, as shares of the largest, at which decode steps are timed; between them they are interpolated."""
TAIL_99 = 4.605170185988091
"""-ln(0.01): the 99th percentile of an exponential, in means."""
NORMAL_99 = 2.3263478740408408
"""99th percentile of a standard normal."""

SIZED_TO_LOAD = 0.0
"""Replicas of a prefill pool that is as large as the decode pool needs at `POOL_UTILIZATION`."""
POOL_UTILIZATION = 0.7
"""Share of the time that prefill servers of such a pool work: an assumption."""
SERVED_LOAD = 0.95
"""Rate of a server under latency targets, over the most that it could serve within them: submitters
leave head room for bursts, an assumption."""


@dataclass(frozen=True)
class Run:
    """One load on one layout: a row of a table, with every input stated or assumed."""

    chip: str
    model: str
    software: str
    precision: Precision
    spread: Spread
    input: float
    output: float
    sequences: float
    """In flight over all replicas; infinite where requests never run out."""
    limit: float = math.inf
    """Running sequences of a replica that the row says its server admits. Where requests never run out, the
    stack's own limit holds too, in each attention rank; a stated load was surely let in."""
    requests: float = math.inf
    """Requests of the whole benchmark: the first of them arrive at once."""
    static: bool = False
    """All sequences start together and none follows."""
    prefill: Spread | None = None
    """Layout of the prefill pool of a disaggregated system."""
    ttft: float = math.inf
    """Target for the 99th percentile of TTFT, in seconds; the load is as high as it allows."""
    tpot: float = math.inf
    draft_tokens: float = 0.0
    draft_acceptance: float = 0.0

    @property
    def group(self) -> Hashable:
        """Runs of one group are timed together."""
        drafts = (self.draft_tokens, self.draft_acceptance)
        return (self.chip, self.model, self.software, self.precision, self.prefill is not None, *drafts)


@dataclass(frozen=True)
class Outcomes:
    """What runs give, arrays over runs in SI: seconds, tokens per second over all replicas."""

    overfull: np.ndarray
    """Memory margin without any sequence; positive where the weights alone are too large."""
    step: np.ndarray
    """Time between tokens while nothing holds a decode step up."""
    stall: np.ndarray
    """Time that one of many joining prompts adds to a step."""
    lone_stall: np.ndarray
    stalls_per_step: np.ndarray
    """Prompts that join a step, mean."""
    tpot: np.ndarray
    tpot_p99: np.ndarray
    ttft: np.ndarray
    ttft_p50: np.ndarray
    ttft_p99: np.ndarray
    prefill: np.ndarray
    """Prefill of all sequences that start together."""
    latency: np.ndarray
    tokens_per_second: np.ndarray
    requests_per_second: np.ndarray
    chips: np.ndarray
    prefill_rate: np.ndarray
    """Input tokens per second and chip while prefilling."""
    flop_rate: np.ndarray
    """Operations per second of a chip, mean, while it decodes."""
    byte_rate: np.ndarray
    """Memory bytes per second of a chip, likewise."""
    prefill_flop_rate: np.ndarray
    prefill_byte_rate: np.ndarray
    link_rate: np.ndarray
    """Bytes per second that a chip sends over links, mean, while it decodes."""
    prefill_link_rate: np.ndarray
    prefilling: np.ndarray
    """Share of the time in which prefill alone runs."""
    power: np.ndarray
    """Watts of a chip, mean."""
    power_share: np.ndarray
    """Of the chip's limit."""
    peak_power_share: np.ndarray
    system_power: np.ndarray
    """Watts of a chip with its share of the server, at the wall."""

    @property
    def itl_p50(self) -> np.ndarray:
        """Median time between tokens."""
        return self._between(0.5, 0.0)

    @property
    def itl_p99(self) -> np.ndarray:
        """99th percentile of the time between tokens."""
        return self._between(0.99, NORMAL_99)

    def _between(self, level: float, score: float) -> np.ndarray:
        """A plain step, held up by the prompts that join it where that is common enough.

        A Poisson number of prompts joins a step; their lengths spread about as an exponential does,
        which doubles the variance. A lone prompt still takes a pass of its own.
        """
        joining = self.stalls_per_step + score * np.sqrt(2.0 * self.stalls_per_step)
        held = np.maximum(joining * self.stall, self.lone_stall)
        return self.step + np.where(self.stalls_per_step > 1.0 - level, held, 0.0)


def replay(runs: Sequence[Run], bench: Bench) -> tuple[Outcomes, dict[int, str]]:
    """Outcomes of runs, timed in groups of one machine each, and why some cannot be timed.

    Source: definition.
    """
    members: dict[Hashable, list[int]] = defaultdict(list)
    for index, run in enumerate(runs):
        members[run.group].append(index)
    found = {item.name: np.ones(len(runs)) for item in fields(Outcomes)}
    failed: dict[int, str] = {}
    for indices in members.values():
        own = [runs[index] for index in indices]
        try:
            outcomes = _operate(bench.machine(own[0]), own, bench.cell(own[0]).hardware)
        except StackwrightError as error:
            failed |= dict.fromkeys(indices, f"{own[0].chip}: {error}")
            continue
        for name, values in vars(outcomes).items():
            found[name][indices] = values
    return Outcomes(**found), failed


class Bench:
    """Chips, stacks and models of a catalog, put together once each; `stacks` stand in for those of its records."""

    def __init__(self, catalog: Catalog, stacks: Mapping[str, SoftwareStack] | None = None) -> None:
        self.parts = Parts(catalog)
        self._stacks = dict(stacks or {})
        self._cells: dict[Hashable, Cell] = {}
        self._systems = self._system_by_chip(catalog)

    def machine(self, run: Run) -> Machine:
        """What serves a run: the chip uncapped, on a fabric that is not oversubscribed."""
        machine = self.cell(run).machine(power_cap=1.0, oversubscription=1.0)
        return replace(machine, draft_tokens=run.draft_tokens, draft_acceptance=run.draft_acceptance)

    def cell(self, run: Run) -> Cell:
        """The run's model on its chip, in the first system that carries the chip."""
        key = (run.chip, run.model, run.software, run.precision)
        if key not in self._cells:
            self._cells[key] = Cell(
                architecture=self.parts.architecture(run.model),
                precision=run.precision,
                hardware=self.hardware(run.chip, run.software),
            )
        return self._cells[key]

    def hardware(self, chip: str, software: str) -> Hardware:
        """The specs of a chip, its system and a stack."""
        links = self._system(chip).record.links
        return Hardware(
            software=self.stack(software),
            chip=self.accelerator(chip),
            kernels=self._linked(chip, "kernels"),
            chip_power=self.chip_power(chip),
            system=self.system(chip),
            scale_up=self.parts.get("network", links["scale_up"]).spec,
            fabric=self.parts.get("network", links["fabrics"][0]).spec,
        )

    def stack(self, software: str) -> SoftwareStack:
        """The numbers of a software stack."""
        return self._stacks.get(software) or self.parts.get("interface", software).spec

    def accelerator(self, chip: str) -> Accelerator:
        """The numbers of a chip."""
        return self.parts.get("chip", chip).spec

    def chip_power(self, chip: str) -> PowerFamily:
        """How the chip turns work into heat."""
        return self._linked(chip, "power")

    def system(self, chip: str) -> System:
        """The first system that carries the chip."""
        return self._system(chip).spec

    def _system(self, chip: str) -> Part:
        return self.parts.get("rack", self._systems[chip])

    def _linked(self, chip: str, link: str) -> Any:
        return self.parts.get("chip", self.parts.get("chip", chip).record.links[link]).spec

    def chip(self, name: str) -> str:
        """The id of the accelerator that a name means, whose system is known. Raises `InputError`."""
        found = self.parts.catalog.resolve("chip", name, types=("Accelerator",)).record.id
        if found not in self._systems:
            raise InputError([Fault("", "", f"system that carries {found!r}", "a rack record that links to it")])
        return found

    def time_spread(self, software: str) -> float:
        """Standard deviation of the logarithm of a stack's step times."""
        datum = self.parts.get("interface", software).record.values["time_spread"]
        return spread_of(datum.low / datum.value, datum.high / datum.value)

    @staticmethod
    def _system_by_chip(catalog: Catalog) -> dict[str, str]:
        found: dict[str, str] = {}
        for record in catalog.records("rack"):
            chip = catalog.get("chip", record.links["chip"]).id
            found.setdefault(chip, record.id)
        return found


@dataclass(frozen=True)
class _Prefills:
    """The prefill side of runs: arrays over runs; times are of one request on one server.

    A server is an attention rank. `own` is a lone prompt's time to its first token, `hold` what it
    takes of a server that packs prompts together, `crowd` how many decode ranks a server feeds, and
    `shared` is 1 where decode waits for prefill on the same chips, else 0.
    """

    own: np.ndarray
    hold: np.ndarray
    servers: np.ndarray
    crowd: np.ndarray
    shared: float
    chips_per_server: np.ndarray
    fewest: np.ndarray
    """Servers of one prefill replica: no pool is smaller."""
    packed: Prefill


class _Load:
    """Closed runs of one machine: which batch runs when so many sequences are in flight."""

    def __init__(self, machine: Machine, runs: Sequence[Run]) -> None:
        self.machine, self.runs = machine, runs
        self.layout, self.copies = _layout([run.spread for run in runs])
        self.lengths = _lengths(runs)
        self.rounds = self.lengths.output_mean / machine.tokens_per_step
        self.prefills = _prefills(machine, runs, self.layout, self.copies, self.lengths)
        self.overfull, self.room = _room(machine, self.layout, self.lengths)
        self.ranks = self.layout.data * self.copies
        self.wanted = _array(runs, "sequences") / self.ranks
        stages = self.layout.data * self.layout.pipeline
        default = np.where(np.isfinite(self.wanted), np.inf, machine.software.batch_limit / self.layout.pipeline)
        admitted = np.minimum(_array(runs, "limit") / stages, default)
        most = np.minimum(np.maximum(self.room, 1.0 / stages), admitted)
        self.largest = np.minimum(most, self.wanted / self.layout.pipeline)
        grid = self.largest * GRID[:, None]
        self._steps = np.log(machine.decode_step(self.layout, grid, self.lengths).seconds)
        sized = POOL_UTILIZATION / (self.rate(self.largest) * self.prefills.hold)
        sized = np.minimum(sized, self.layout.data * self.copies / self.prefills.fewest)
        self.crowd = np.where(self.prefills.servers > 0.0, self.prefills.crowd, sized)
        self.servers = np.where(
            self.prefills.servers > 0.0,
            self.prefills.servers,
            np.maximum(1.0, self.layout.data * self.copies / self.crowd),
        )

    def step_at(self, batch: np.ndarray) -> np.ndarray:
        """Seconds of a decode round at a batch, between the timed ones."""
        place = np.clip(np.log2(batch / self.largest) + len(GRID) - 1.0, 0.0, len(GRID) - 1.0)
        below = np.minimum(place.astype(int), len(GRID) - 2)
        run = np.arange(len(place))
        first, then = self._steps[below, run], self._steps[below + 1, run]
        return np.exp(first + (place - below) * (then - first))

    def rate(self, batch: np.ndarray) -> np.ndarray:
        """Requests per second of an attention rank."""
        served = self.service(batch, DecodeStep(self.step_at(batch), 0.0, 0.0, 0.0))
        return served.requests_per_second / self.layout.data

    def utilization(self, rate: np.ndarray) -> np.ndarray:
        """Share of the time that prefill servers work."""
        return rate * self.prefills.hold * self.crowd

    def wait(self, rate: np.ndarray) -> np.ndarray:
        """Mean wait for a prefill server; a lone sequence never waits for itself."""
        others = np.maximum(0.0, 1.0 - 1.0 / np.maximum(1.0, self.wanted * self.crowd))
        mean = queueing.mean_wait(
            service=self.prefills.hold,
            service_scv=0.0,
            arrival_scv=1.0,
            utilization=self.utilization(rate),
            servers=self.servers,
        )
        return others * mean

    def in_flight(self, batch: np.ndarray) -> np.ndarray:
        """Sequences of a rank, waiting and prefilling ones included."""
        rate = self.rate(batch)
        return batch * self.layout.pipeline + rate * (self.prefills.own + self.wait(rate))

    def service(self, batch: np.ndarray, step: DecodeStep) -> Service:
        """The serving layer's steady state at a batch."""
        common: dict[str, Any] = {"layout": self.layout, "batch": batch, "step": step, "lengths": self.lengths}
        common["tokens_per_step"] = self.machine.tokens_per_step
        if not self.prefills.shared:
            return disaggregated(**common)
        overhead = self.machine.software.prefill_overhead
        return aggregated(**common, prefill=self.prefills.packed, first_token_overhead=overhead)

    def batch(self) -> np.ndarray:
        """The largest batch that the sequences in flight, memory and the latency targets allow."""
        ttft, tpot = _array(self.runs, "ttft"), _array(self.runs, "tpot")
        low, high = np.log(self.largest * GRID[0]), np.log(self.largest)
        middle = high
        for _ in range(24):
            batch = np.exp(middle)
            step = self.step_at(batch)
            served = self.service(batch, DecodeStep(step, 0.0, 0.0, 0.0))
            rate = self.rate(batch)
            late = self.prefills.own + _tail(self.wait(rate), self.utilization(rate))
            fits = (self.in_flight(batch) <= self.wanted) & (late <= ttft) & (tpot_99(served) <= tpot)
            low, high = np.where(fits, middle, low), np.where(fits, high, middle)
            middle = 0.5 * (low + high)
        aimed = np.isfinite(ttft) | np.isfinite(tpot)
        return np.where(aimed, self._backed_off(np.exp(low)), np.exp(low))

    def _backed_off(self, batch: np.ndarray) -> np.ndarray:
        """The batch at which the rate is `SERVED_LOAD` of that at a batch."""
        target = SERVED_LOAD * self.rate(batch)
        low, high = np.log(self.largest * GRID[0]), np.log(batch)
        for _ in range(24):
            middle = 0.5 * (low + high)
            enough = self.rate(np.exp(middle)) >= target
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.exp(high)


def _operate(machine: Machine, runs: Sequence[Run], hardware: Hardware) -> Outcomes:
    """Runs of one machine: each run's batch, then the serving layer's steady state there."""
    load = _Load(machine, runs)
    prefills, lengths, pipeline = load.prefills, load.lengths, load.layout.pipeline
    batch = load.batch()
    decode = machine.decode_step(load.layout, batch, lengths)
    served = load.service(batch, decode)
    rate = load.rate(batch)
    wait = load.wait(rate)
    round_time = served.tpot_p50 * machine.tokens_per_step
    fixed = machine.software.prefill_overhead + prefills.shared * (0.5 * round_time + decode.seconds)
    step = decode.seconds / machine.tokens_per_step
    static = np.array([run.static for run in runs])
    together = np.where(np.isfinite(load.wanted), load.wanted, batch * pipeline) * load.crowd
    queued = np.where(np.isfinite(load.wanted), np.maximum(0.0, load.wanted - load.in_flight(batch)), 0.0) / rate
    at_once = prefills.own + np.maximum(0.0, together - 1.0) * prefills.hold
    begun = machine.software.prefill_overhead + at_once
    first_wave = np.array([min(1.0, run.sequences / run.requests) if run.requests < math.inf else 0.0 for run in runs])
    lasting = prefills.hold * together
    tpot = np.where(static, step, served.tpot_p50)
    usual = fixed + prefills.own + wait + queued
    ttft = np.where(static, begun, usual + 0.5 * first_wave * lasting)
    last = lasting * np.maximum(0.0, 1.0 - 0.01 / np.maximum(first_wave, 1e-9))
    late = np.maximum(_tail(wait, load.utilization(rate)), last)
    latency = ttft + (lengths.output_mean - 1.0) * tpot
    chunk = np.minimum(1.0, (machine.software.prefill_tokens or np.inf) / lengths.input_mean)
    at_once_rate = batch * load.layout.data * pipeline / latency
    completed = np.where(static, at_once_rate, served.requests_per_second) * load.copies
    return Outcomes(
        overfull=load.overfull,
        step=step,
        stall=prefills.hold * chunk * prefills.shared,
        lone_stall=prefills.own * chunk * prefills.shared,
        stalls_per_step=batch * pipeline / load.rounds / chunk * prefills.shared,
        tpot=tpot,
        tpot_p99=np.where(static, step, tpot_99(served)),
        ttft=ttft,
        ttft_p50=np.where(static, begun, usual),
        ttft_p99=np.where(static, begun, fixed + prefills.own + queued + late),
        prefill=at_once,
        latency=latency,
        tokens_per_second=completed * lengths.output_mean,
        requests_per_second=completed,
        chips=load.layout.chips * load.copies,
        prefill_rate=lengths.input_mean / prefills.hold / prefills.chips_per_server,
        **_powers(machine, hardware, load, batch, decode, served, np.where(static, at_once / latency, 0.0)),
    )


def _powers(
    machine: Machine,
    hardware: Hardware,
    load: _Load,
    batch: np.ndarray,
    decode: DecodeStep,
    served: Service,
    prefilling: np.ndarray,
) -> dict[str, np.ndarray]:
    """Rates of work and watts per chip; where all sequences start together, the phases in turn, by the time of each."""
    packed, apart = load.prefills.packed, prefilling > 0.0
    sent = sent_bytes_per_token(machine.architecture, machine.precision, load.layout)
    prompt, output = load.lengths.input_mean, load.lengths.output_mean
    tokens = served.requests_per_second / load.layout.data * (output + prompt * load.prefills.shared)
    together = batch * load.layout.pipeline / decode.seconds
    rates = {
        "flop_rate": np.where(apart, decode.flops / decode.seconds, served.decode.flop_rate),
        "byte_rate": np.where(apart, decode.bytes / decode.seconds, served.decode.byte_rate),
        "prefill_flop_rate": packed.flops[0] / packed.seconds[0],
        "prefill_byte_rate": packed.bytes[0] / packed.seconds[0],
        "link_rate": sent * np.where(apart, together, tokens),
        "prefill_link_rate": sent * prompt / packed.seconds[0],
    }
    tdp = hardware.chip.tdp
    decoding, filling = phase_draws(family=hardware.chip_power, tdp=tdp, precision=machine.precision.weights, **rates)
    power = prefilling * filling + (1.0 - prefilling) * decoding
    return rates | {
        "prefilling": prefilling,
        "power": power,
        "power_share": power / tdp,
        "peak_power_share": np.maximum(filling, decoding) / tdp,
        "system_power": system_power(hardware.system, power),
    }


def phase_draws(
    *,
    family: PowerFamily,
    tdp: Watts,
    precision: str,
    flop_rate: np.ndarray,
    byte_rate: np.ndarray,
    prefill_flop_rate: np.ndarray,
    prefill_byte_rate: np.ndarray,
    link_rate: np.ndarray,
    prefill_link_rate: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Watts of a chip while it decodes and while it prefills alone, at its rates of work. Source: the chip layer."""
    decoding = family.draw(flop_rate=flop_rate, byte_rate=byte_rate, link_rate=link_rate, tdp=tdp, precision=precision)
    filling = family.draw(
        flop_rate=prefill_flop_rate,
        byte_rate=prefill_byte_rate,
        link_rate=prefill_link_rate,
        tdp=tdp,
        precision=precision,
    )
    return np.asarray(decoding), np.asarray(filling)


def system_power(system: System, chip: Watts) -> Watts:
    """Watts per accelerator at the input of its server's supplies. Source: the rack layer."""
    return system.power(chip).input


def tpot_99(served: Service) -> np.ndarray:
    """99th percentile of TPOT from the median and the 95th. Source: quantiles of a normal (definition)."""
    return served.tpot_p50 + NORMAL_99 / queueing.NORMAL_95 * (served.tpot_p95 - served.tpot_p50)


def _tail(wait: np.ndarray, utilization: np.ndarray) -> np.ndarray:
    """99th percentile of a wait from its mean: an exponential tail above the chance of none."""
    busy = np.clip(utilization, 1e-9, 0.999)
    return wait / busy * np.maximum(0.0, TAIL_99 + np.log(busy))


def _array(runs: Sequence[Run], name: str) -> np.ndarray:
    return np.array([getattr(run, name) for run in runs], dtype=float)


def _layout(spreads: Sequence[Spread]) -> tuple[Layout, np.ndarray]:
    degrees = np.array([(one.tensor, one.expert, one.pipeline, one.replicas) for one in spreads])
    tensor, expert, pipeline, replicas = degrees.T
    return Layout(tensor=tensor, expert=expert, pipeline=pipeline), replicas


def _lengths(runs: Sequence[Run]) -> Lengths:
    """Lengths with the one length of a run as the node that counts, and as the lone prompt of the others."""
    prompt, output = _array(runs, "input"), _array(runs, "output")
    return Lengths(
        nodes=np.stack([prompt, prompt, prompt]),
        weights=np.array([[1.0], [0.0], [0.0]]),
        input_mean=prompt,
        output_mean=output,
        context_mean=prompt + 0.5 * output,
        arrival_scv=1.0,
        prefix_hits=0.0,
    )


def _room(machine: Machine, layout: Layout, lengths: Lengths) -> tuple[np.ndarray, np.ndarray]:
    """Memory margin without any sequence, and sequences per attention rank and stage whose cache fits."""
    empty = machine.memory_margin(layout, 0.0, lengths)
    one = machine.memory_margin(layout, 1.0, lengths)
    return empty, -empty / (one - empty)


def _prefills(machine: Machine, runs: Sequence[Run], layout: Layout, copies: np.ndarray, lengths: Lengths) -> _Prefills:
    apart = runs[0].prefill is not None
    where, pools = _layout([run.prefill or run.spread for run in runs]) if apart else (layout, copies)
    timed = machine.prefill(where, lengths)
    hold, own = timed.seconds[0] / where.pipeline, timed.seconds[1]
    if apart:
        own = own + machine.transfer(where, lengths)[1]
    return _Prefills(
        own=own,
        hold=hold,
        servers=where.data * pools,
        crowd=layout.data * copies / np.maximum(where.data * pools, 1e-9),
        shared=0.0 if apart else 1.0,
        chips_per_server=where.stage_chips * where.pipeline / where.data,
        fewest=where.data,
        packed=timed,
    )


@dataclass(frozen=True)
class Reading:
    """What a row may describe: runs with weights, or why it cannot be read."""

    runs: tuple[tuple[float, Run], ...] = ()
    imputed: bool = False
    reason: str | None = None
    release: str = ""
    """Engine and version as the row writes them."""


Figure = Callable[[Outcomes], np.ndarray]
State = tuple[int, float, float, float]
"""Row, weight, median, and standard deviation of the logarithm."""


@dataclass(frozen=True)
class Wanted:
    """The figure of a row: its function of outcomes, its unit over SI, and how far it scatters.

    `scatter` is the standard deviation of its logarithm beyond that of step times, of which
    `time_share` carries over. What measured runs say of its error depends on `name` and on `follows`: the
    pace of tokens, the time to the first one, or nothing.
    """

    figure: Figure
    scale: float = 1.0
    scatter: float = 0.1
    time_share: float = 1.0
    name: str = ""
    follows: str | None = None
    is_rate: bool = False
    """Whether it is a rate, which falls where times rise."""
    apart: float = 0.0
    """Scatter of which measured runs say nothing."""


class Replayed:
    """Readings with all their runs replayed, each distinct run once."""

    def __init__(self, readings: Sequence[Reading], bench: Bench) -> None:
        self.readings, self.parts, self._bench = readings, bench.parts, bench
        self._possible = [(row, weight, run) for row, reading in enumerate(readings) for weight, run in reading.runs]
        distinct = list(dict.fromkeys(run for _, _, run in self._possible))
        self._place = {run: index for index, run in enumerate(distinct)}
        self._outcomes, self._failed = replay(distinct, bench)
        self._allowed = self._allowances()

    def _allowances(self) -> list[float]:
        """How overfull the memory may be, by row: not at all where any of its runs fits."""
        allowed = [TIGHT] * len(self.readings)
        for row, _, run in self._possible:
            at = self._place[run]
            if at not in self._failed and self._outcomes.overfull[at] < 0.0:
                allowed[row] = 0.0
        return allowed

    def _fits(self, row: int, run: Run) -> bool:
        at = self._place[run]
        return at not in self._failed and bool(self._outcomes.overfull[at] <= self._allowed[row])

    def runs_of(self, row: int) -> list[tuple[float, Run]]:
        """The runs of a row that fit in memory, with weights that sum to one."""
        fitting = [(weight, run) for weight, run in self.readings[row].runs if self._fits(row, run)]
        total = sum(weight for weight, _ in fitting)
        return [(weight / total, run) for weight, run in fitting]

    def mean(self, row: int, outcome: str) -> float:
        """Mean of an outcome over the runs of a row that fit in memory."""
        found = getattr(self._outcomes, outcome)
        return float(sum(weight * found[self._place[run]] for weight, run in self.runs_of(row)))

    def states(self, wanted: Sequence[Wanted | None]) -> list[State]:
        """What each row's figure is in each of its runs that fit in memory."""
        figures = {one.figure for one in wanted if one is not None}
        found = {figure: figure(self._outcomes) for figure in figures}
        made = []
        for row, weight, run in self._possible:
            one, at = wanted[row], self._place[run]
            if one is not None and self._fits(row, run):
                spread = math.hypot(one.time_share * self._bench.time_spread(run.software), one.scatter)
                made.append((row, weight, one.scale * float(found[one.figure][at]), spread))
        return made

    def reasons(self, states: Sequence[State]) -> list[str | None]:
        """Why rows are refused: what their reading says, or what is wrong with all of their runs."""
        known = {row for row, *_ in states}
        why = {row: self._failed.get(self._place[run], TOO_LARGE) for row, _, run in self._possible}
        return [reading.reason or (None if row in known else why.get(row)) for row, reading in enumerate(self.readings)]

    def predict(self, wanted: Sequence[Wanted | None]) -> Predictions:
        """Each row's runs mixed into its figure."""
        states = self.states(wanted)
        imputed = np.array([reading.imputed for reading in self.readings], dtype=bool)
        return mixed(states, self.reasons(states), imputed)


def mixed(states: Sequence[State], reasons: list[str | None], imputed: np.ndarray) -> Predictions:
    """Predictions of rows from what they may be in each of their states. Source: definition."""
    blank = refused(reasons)
    if not states:
        return blank
    table = np.array(states)
    known, row = np.unique(table[:, 0].astype(int), return_inverse=True)
    low, middle, high = mixture_quantiles(
        row=row, weight=table[:, 1], median=table[:, 2], spread=table[:, 3], rows=len(known), levels=(0.05, 0.5, 0.95)
    )
    for values, filled in ((blank.value, middle), (blank.low, low), (blank.high, high)):
        values[known] = filled
    blank.imputed[:] = imputed
    return blank


TOO_LARGE = "the weights do not fit in the memory of the stated chips"
TIGHT = 0.15
"""Share by which weights may exceed what an engine usually takes of the memory, where a row leaves no
other layout: the run did happen."""
