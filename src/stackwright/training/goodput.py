"""From a step time to a run: checkpoints, failures, restarts, and the time until the last token."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Bytes, BytesPerSecond, Count, Ratio, Seconds, Tokens, TokensPerSecond


def job_mtbf(*, chip_mtbf: Seconds, chips: Count) -> Seconds:
    """Mean time between interruptions of a job that any of its chips can interrupt.

    Source: definition (rates of independent failures add).
    """
    return chip_mtbf / chips


def checkpoint_time(*, state: Bytes, bandwidth: BytesPerSecond) -> Seconds:
    """Seconds for which a checkpoint holds up training, from the state and the rate per chip. Source: definition."""
    return state / bandwidth


def checkpoint_interval(*, checkpoint: Seconds, mtbf: Seconds) -> Seconds:
    """Compute time between checkpoints that loses the least.

    A checkpoint that takes more than twice the mean time between failures is written once per failure.
    Source: Daly 2006, A higher order estimate of the optimum checkpoint interval, eq. 37; its first
    term is Young 1974: sqrt(2 delta M).
    """
    xp = namespace(checkpoint, mtbf)
    ratio = xp.minimum(checkpoint / (2.0 * mtbf), 1.0)
    best = (2.0 * checkpoint * mtbf) ** 0.5 * (1.0 + ratio**0.5 / 3.0 + ratio / 9.0) - checkpoint
    return xp.where(checkpoint < 2.0 * mtbf, best, mtbf)


def goodput_ratio(*, interval: Seconds, checkpoint: Seconds, restart: Seconds, mtbf: Seconds) -> Ratio:
    """Share of wall time that advances the run, with exponential failures.

    Source: Daly 2006, eq. 20: T_wall / T_solve = M e^(R/M) (e^((tau + delta)/M) - 1) / tau. The
    exponents are capped at 50, far beyond any run that finishes.
    """
    xp = namespace(interval, checkpoint, restart, mtbf)
    stretch = xp.exp(xp.minimum(restart / mtbf, 50.0)) * xp.expm1(xp.minimum((interval + checkpoint) / mtbf, 50.0))
    return interval / mtbf / stretch


def run_time(*, tokens: Tokens, rate: TokensPerSecond, goodput: Ratio) -> Seconds:
    """Wall time of a run of so many tokens. Source: definition."""
    return tokens / (rate * goodput)


@spec
class Reliability:
    """How often chips interrupt a job, and what an interruption and a checkpoint cost."""

    chip_mtbf: Seconds
    """Chip-time per unplanned interruption, all causes (chip, host, network, software) counted."""
    restart: Seconds
    """Detection, replacement, restart and reload, per interruption."""
    checkpoint_bandwidth: BytesPerSecond
    """Rate per chip at which a checkpoint leaves the chip's memory while training waits."""

    def goodput(self, *, chips: Count, state: Bytes) -> Ratio:
        """Goodput of a job of so many chips, each with so many bytes of state to save."""
        mtbf = job_mtbf(chip_mtbf=self.chip_mtbf, chips=chips)
        checkpoint = checkpoint_time(state=state, bandwidth=self.checkpoint_bandwidth)
        interval = checkpoint_interval(checkpoint=checkpoint, mtbf=mtbf)
        return goodput_ratio(interval=interval, checkpoint=checkpoint, restart=self.restart, mtbf=mtbf)
