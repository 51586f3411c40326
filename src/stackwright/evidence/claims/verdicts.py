"""Verdicts on a claim's figure and on its attribution: rules on computed ranges and on what sources say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stackwright.evidence.claims.claim import Claim, Sense, Stated, Witness
from stackwright.evidence.claims.computed import Computed, Interval

TOO_WIDE = 10.0
"""High over low of a computed range beyond which meeting a figure says little."""

NEAR = 0.5
"""Share of a computed range's width by which a figure may miss it and is contested, not refuted."""


class Verdict(StrEnum):
    """What becomes of a claim, best first: the worse of two is the later one."""

    REPRODUCED = "reproduced"
    RECORDED = "recorded"
    CONDITIONAL = "conditional"
    NOT_TESTABLE = "not_testable"
    CONTESTED = "contested"
    REFUTED = "refuted"


ORDER = tuple(Verdict)


@dataclass(frozen=True)
class Judged:
    """A verdict with its reason."""

    verdict: Verdict
    reason: str


def worse(*verdicts: Verdict) -> Verdict:
    """The worst of some verdicts. Source: definition."""
    return max(verdicts, key=ORDER.index)


def figure_verdict(claim: Claim, computed: Computed | None) -> Judged:
    """What the computed range says of the stated figure; without one, what the sources say.

    Reproduced: the ranges meet. Conditional: they meet only under conditions that the claim leaves out, or the
    computed range is wider than a factor of `TOO_WIDE`. Contested: they miss by no more than `NEAR` of the range's
    width, a bound lies inside the range, or a source says otherwise. Refuted: they miss by more, and no source
    supports the figure.
    """
    said = [one for one in claim.witnesses if one.about == "figure"]
    if computed is None or computed.whole is None or claim.stated is None:
        return of_witnesses(said, claim.cannot)
    judged = _of_range(claim.stated, computed)
    against = [one for one in said if not one.supports]
    if judged.verdict in (Verdict.REPRODUCED, Verdict.CONDITIONAL) and against:
        return Judged(Verdict.CONTESTED, f"{judged.reason}, but a source contradicts: {against[0].note}")
    if judged.verdict is Verdict.REFUTED and len(against) < len(said):
        supporting = next(one for one in said if one.supports)
        return Judged(Verdict.CONTESTED, f"{judged.reason}, but a source supports: {supporting.note}")
    return judged


def _of_range(stated: Stated, computed: Computed) -> Judged:
    whole = computed.whole
    assert whole is not None
    target = allowed(stated)
    if (
        stated.sense is not Sense.IS
        and whole.meets(target)
        and not target.low <= whole.low <= whole.high <= target.high
    ):
        return Judged(Verdict.CONTESTED, "the computed range lies on both sides of the figure")
    if whole.meets(target):
        if stated.sense is Sense.IS and whole.high > TOO_WIDE * max(whole.low, 0.0) and whole.width > 0.0:
            return Judged(Verdict.CONDITIONAL, "inside the computed range, which is too wide to confirm it")
        inside = stated.sense is not Sense.IS or whole.low <= stated.figure.value <= whole.high
        words = "inside the computed range" if inside else "beside the computed range, inside it as it is rounded"
        return Judged(Verdict.REPRODUCED, words)
    meeting = [words for words, one in computed.under.items() if one.meets(target)]
    if meeting:
        return Judged(Verdict.CONDITIONAL, f"outside the computed range, inside it only if {meeting[0]}")
    apart = min(one.apart(target) for one in (whole, *computed.under.values()))
    if stated.sense is Sense.IS and apart <= NEAR * whole.width:
        return Judged(Verdict.CONTESTED, "outside the computed range, by less than half its width")
    return Judged(Verdict.REFUTED, "well outside the computed range, under every condition tried")


def allowed(stated: Stated) -> Interval:
    """The numbers that a stated figure admits: its rounding, or all above or below it. Source: definition."""
    low, high = stated.figure.low, stated.figure.high
    if stated.sense is Sense.AT_LEAST:
        return Interval(low, stated.figure.value, float("inf"))
    if stated.sense is Sense.AT_MOST:
        return Interval(float("-inf"), stated.figure.value, high)
    return stated.figure


def attribution_verdict(claim: Claim, computed: Computed | None) -> Judged:
    """What computed findings and sources say of what a figure is laid to."""
    said = [one for one in claim.witnesses if one.about == "attribution"]
    found = [] if computed is None else list(computed.findings)
    reasons = [*(one.note for one in said), *(one.why for one in found if one.supports is not None)]
    support = [*(one.supports for one in said), *(one.supports for one in found if one.supports is not None)]
    if not support:
        left = [one.why for one in found]
        return Judged(
            Verdict.NOT_TESTABLE, left[0] if left else claim.cannot or "no source says who or what is behind it"
        )
    if all(support):
        kind = Verdict.RECORDED if said else Verdict.REPRODUCED
        return Judged(kind, reasons[0])
    against = next(reason for reason, good in zip(reasons, support, strict=True) if not good)
    return Judged(Verdict.CONTESTED if any(support) else Verdict.REFUTED, against)


def of_witnesses(said: Sequence[Witness], cannot: str) -> Judged:
    """The verdict on a fact with nothing to compute. Source: definition."""
    good = [one for one in said if one.supports]
    bad = [one for one in said if not one.supports]
    if good and bad:
        return Judged(Verdict.CONTESTED, bad[0].note)
    if bad:
        return Judged(Verdict.REFUTED, bad[0].note)
    if good:
        return Judged(Verdict.RECORDED, good[0].note)
    return Judged(Verdict.NOT_TESTABLE, cannot or "no source was found, and nothing to compute")
