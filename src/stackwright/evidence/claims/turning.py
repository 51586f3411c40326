"""What would change a verdict: the end of a range that would have to move, or what a source would have to say."""

from __future__ import annotations

from stackwright.evidence.claims.claim import Claim, Sense, Stated
from stackwright.evidence.claims.computed import Computed, Interval
from stackwright.evidence.claims.verdicts import TOO_WIDE, Judged, Verdict, allowed, worse
from stackwright.evidence.claims.words import number, unit_text

BY_SOURCES = {
    Verdict.REPRODUCED: "a computed fact or a source that speaks against it",
    Verdict.RECORDED: "a source that contradicts it",
    Verdict.NOT_TESTABLE: "a source that could know",
    Verdict.CONTESTED: "if what speaks against it proves wrong",
    Verdict.REFUTED: "a source or a computed fact that speaks for it",
}
"""What would change a verdict that rests on sources and findings."""


def what_would_change(claim: Claim, computed: Computed | None, figure: Judged, attribution: Judged) -> str:
    """What would change the worse of two verdicts, in a sentence. Source: the rules of `verdicts`."""
    if worse(figure.verdict, attribution.verdict) is not figure.verdict:
        return f"On what it is laid to: {BY_SOURCES[attribution.verdict]}."
    if computed is None or computed.whole is None or claim.stated is None:
        return f"On the figure: {BY_SOURCES[figure.verdict]}."
    return _of_range(claim.stated, computed, computed.whole, figure)


def _of_range(stated: Stated, computed: Computed, whole: Interval, figure: Judged) -> str:
    if figure.verdict is Verdict.CONDITIONAL:
        return _of_condition(stated, computed, whole)
    if figure.verdict is Verdict.REPRODUCED:
        return _out(stated)
    target = allowed(stated)
    if stated.sense is Sense.IS and whole.meets(target):
        return "That the source against it proves wrong: the figure is inside the computed range."
    side = "at most" if stated.sense is Sense.AT_MOST or whole.low > target.high else "at least"
    end, bound = (whole.low, target.high) if side == "at most" else (whole.high, target.low)
    if stated.sense is not Sense.IS and whole.meets(target):
        name, end = ("high", whole.high) if side == "at most" else ("low", whole.low)
        return (
            f"A computed range that lies wholly at {_told(bound, stated)} or {_beyond(side)}: its {name} end is"
            f" {_told(end, stated)}."
        )
    name = "low" if side == "at most" else "high"
    return f"A computed {name} end of {side} {_told(bound, stated)}, in place of {_told(end, stated)}."


def _of_condition(stated: Stated, computed: Computed, whole: Interval) -> str:
    target = allowed(stated)
    if whole.meets(target):
        return f"A computed range whose ends are less than {TOO_WIDE:.0f} times apart."
    words = next(words for words, one in computed.under.items() if one.meets(target))
    return f"The condition, if the claim stated it ({words})."


def _out(stated: Stated) -> str:
    target = allowed(stated)
    if stated.sense is Sense.AT_LEAST:
        return f"A computed range that reaches below {_told(target.low, stated)}."
    if stated.sense is Sense.AT_MOST:
        return f"A computed range that reaches above {_told(target.high, stated)}."
    return f"A computed range wholly below {_told(target.low, stated)} or above {_told(target.high, stated)}."


def _beyond(side: str) -> str:
    return "less" if side == "at most" else "more"


def _told(value: float, stated: Stated) -> str:
    return f"{number(value / stated.unit.factor)}{unit_text(str(stated.unit))}"
