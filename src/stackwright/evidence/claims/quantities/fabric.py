"""What a rack's fabric is worth: to answers, which stay inside the rack, and to training over many racks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from stackwright.codesign.performance_grid import CellKey
from stackwright.codesign.training_grid import RECOMPUTE, Run, TrainingCell, training_cell
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Bars, Computed, Finding, Interval, bar
from stackwright.evidence.claims.engine import DECODE, Engine
from stackwright.evidence.claims.quantities.cases import case_of
from stackwright.evidence.claims.quantities.speedups import over
from stackwright.model.sharding import Layout
from stackwright.stack.parts import with_leaf

HALF = 0.5
MATTERS = 1.01
"""Rate over that with half the fabric from which on the fabric matters."""
DEGREES = tuple(2.0**power for power in range(7))
DATA = tuple(2.0**power for power in range(9))
MICRO_BATCHES = (1.0, 2.0)


def worth_of_fabric(claim: Claim, engine: Engine) -> Computed:
    """Rate of a rack's answers over that with half the fabric's bandwidth, and the same of training over racks."""
    answers = _answers(claim, engine)
    training = _training(claim, engine)
    return Computed(
        whole=answers,
        why=f"With half the fabric's bandwidth the rack serves {1.0 / answers.value:.0%} of its answers, as they stay"
        f" inside it; a cluster of {claim.fact('training_chips').value:,.0f} chips trains at"
        f" {1.0 / training.high:.1%} to {1.0 / training.low:.1%} of its speed, by the batch.",
        under={"the work is training over many racks, of which the vendor says it": training},
        findings=[
            Finding.either(
                answers.high > MATTERS, "the fabric matters to the answers", "the fabric adds nothing to the answers"
            )
        ],
        bars=Bars(
            title="rate over that with half the fabric",
            rows=[bar("answers of one rack", answers), bar("training over many racks", training)],
            stated=None if claim.stated is None else claim.stated.figure.value,
        ),
    )


def _answers(claim: Claim, engine: Engine) -> Interval:
    at = np.array([claim.fact("between_tokens").value])
    chosen = claim.choice("new")
    fabric = float(engine.hardware(chosen["system"], chosen["software"]).system.nic_bandwidth)
    values = []
    for count in map(int, claim.choice("kv_heads")):
        case = case_of(claim, chosen, account=DECODE, within_domain=True, kv_heads=count)
        halved = replace(case, changed=(("system.nic_bandwidth", HALF * fabric),))
        values.append(float(over(engine.curve(case).best(at), engine.curve(halved).best(at)).item()))
    return Interval.around(values)


def _training(claim: Claim, engine: Engine) -> Interval:
    """The same of the best plan of a training run, at the ends of the batch."""
    batch, chips = claim.fact("training_batch"), claim.fact("training_chips").value
    values = []
    for sequences in (batch.low, batch.value, batch.high):
        cell = _cell(claim, engine, sequences)
        narrow = HALF * float(cell.hardware.system.nic_bandwidth)
        halved = replace(cell, hardware=with_leaf(cell.hardware, "system.nic_bandwidth", narrow))
        values.append(best_rate(cell, chips) / best_rate(halved, chips))
    return Interval.around(values, values[1])


def _cell(claim: Claim, engine: Engine, sequences: float) -> TrainingCell:
    system, run = claim.choice("new")["system"], claim.choice("training")
    links = engine.catalog.get("rack", system).links
    key = CellKey(
        claim.choice("model"), run["format"], "bf16", 0, system, links["chip"], run["release"], links["fabrics"][0]
    )
    # Neither the tokens of the run nor its deadline moves the speed of a step.
    work = Run(tokens=1.0, sequence=claim.fact("training_sequence").value, global_batch=sequences, deadline=1.0)
    return training_cell(engine.parts, key, engine.architecture(claim.choice("model")), work)


def best_rate(cell: TrainingCell, chips: float) -> float:
    """Tokens per second of the best plan on so many chips: powers of two in every degree. Source: definition."""
    tensor, expert, pipeline, data = np.array(list(itertools.product(DEGREES, DEGREES, DEGREES, DATA))).T
    layout = Layout(tensor=tensor, expert=expert, pipeline=pipeline)
    best = 0.0
    for micro_batch, recompute in itertools.product(MICRO_BATCHES, RECOMPUTE.values()):
        plan = cell.plan(layout, virtual=1.0, data=data, micro_batch=micro_batch, recompute=recompute)
        step = cell.outcome(plan, 1.0, 1.0).step
        fits = (np.asarray(step.memory) <= 0.0) & (step.chips == chips)
        best = max(best, float(np.where(fits, step.tokens_per_second, 0.0).max()))
    return best


QUANTITIES: dict[str, Callable[[Claim, Engine], Computed]] = {"worth_of_fabric": worth_of_fabric}
