"""The section on what deciding all layers together is worth: its sentences, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from stackwright.report.dividend_pictures import matrix_picture, waterfall_picture, ways_picture
from stackwright.report.dividend_told import NOTHING, Captioned, Told, better, listed, option_text, share_text
from stackwright.report.formats import large, quantity, sentence_case, within_sentence, words
from stackwright.report.headline import title_of_metric
from stackwright.report.layers import color_of, title_of
from stackwright.report.robustness_pictures import front_pictures, robustness_picture

MENU_WORDS = {
    "model": "models and precisions",
    "chip": "chips and power caps",
    "rack": "forms of rack",
    "network": "networks",
    "cooling": "coolings and temperatures",
    "datacenter": "sites and supplies",
    "power": "portfolios",
    "finance": "ways to pay",
}
"""What the options of a layer are, in the plural."""
NEAR = {"within_1_percent": "1%", "within_5_percent": "5%"}
"""Shares of the optimum within which stacks are counted."""


@dataclass(frozen=True)
class LayerRow:
    """A layer's option in the reference and in the joint optimum, and what it brings."""

    title: str
    color: str
    reference: str
    joint: str
    attributed: str
    alone: str

    @property
    def changed(self) -> bool:
        """Whether the two differ."""
        return self.reference != self.joint


@dataclass(frozen=True)
class Dividend:
    """All that the section shows; without a reference only `title` and `finding`."""

    title: str
    finding: str
    pictures: list[Captioned]
    unit: str
    layers: list[LayerRow]
    remarks: list[str]
    teams: list[tuple[str, str, str]]
    repairs: list[tuple[str, str]]
    barriers: list[tuple[str, str, str, str]]
    winners: list[tuple[str, str]]
    without_value: list[tuple[str, str]]


def dividend_of(plan: Mapping[str, Any]) -> Dividend | None:
    """The section of a plan; None where the plan has no dividend."""
    given = plan.get("dividend")
    if not given:
        return None
    told = Told(given, plan.get("names") or {}, basis_of(plan, given))
    if given["reference"].get("value") is None or (given.get("joint") or {}).get("value") is None:
        return _unknown(given)
    return Dividend(
        title=_title(told),
        finding=str(given.get("says") or ""),
        pictures=_pictures(told),
        unit=told.scale.unit,
        layers=list(_layers(told)),
        remarks=list(_remarks(told)),
        teams=[
            (title_of(layer), sentence_case(str(one["goes_by"])), str(one["source"]))
            for layer, one in (given.get("measures") or {}).items()
        ],
        repairs=[
            (told.way(name), "; ".join(option_text(text, told.names) for text in entry["repairs"]))
            for name, entry in (given.get("baselines") or {}).items()
            if entry.get("repairs")
        ],
        barriers=list(_barriers(told)),
        winners=[
            (share_text(row["share"]), sentence_case(_apart(row["stack"], told)))
            for row in told.robustness.get("winners") or ()
        ],
        without_value=[
            (told.way(name), str(entry.get("reason") or "not known"))
            for name, entry in (given.get("baselines") or {}).items()
            if entry.get("value") is None
        ],
    )


def _unknown(given: Mapping[str, Any]) -> Dividend:
    """The section of a study without a reference or without a design."""
    reasons = (given.get(name) or {} for name in ("reference", "joint"))
    reason = next((str(one["reason"]) for one in reasons if one.get("reason")), "the reason is not known")
    return Dividend(
        title="What deciding everything together is worth is not known",
        finding=f"{sentence_case(reason)}.",
        pictures=[],
        unit="",
        layers=[],
        remarks=[],
        teams=[],
        repairs=[],
        barriers=[],
        winners=[],
        without_value=[],
    )


def _pictures(told: Told) -> list[Captioned]:
    """Every figure that a dividend has data for."""
    made = (waterfall_picture(told), ways_picture(told), matrix_picture(told), robustness_picture(told))
    return [picture for picture in made if picture is not None] + front_pictures(told)


def _title(told: Told) -> str:
    share = told.share_of_reference
    if abs(share) < NOTHING:
        return f"Deciding everything together brings nothing against {told.reference}"
    start, end = (float(told.given[name]["value"]) for name in ("reference", "joint"))
    if start <= 0.0:
        amount = quantity(abs(end - start), str(told.given["objective"].get("unit") or ""))
        return f"Deciding everything together brings {amount} more against {told.reference}"
    return f"Deciding everything together {better(share, less_is_better=told.less_is_better)} against {told.reference}"


def basis_of(plan: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """What every figure rests on: objective, limits, size of the menu and reference."""
    objective = given["objective"]
    name = within_sentence(title_of_metric(plan, str(objective.get("name") or "objective")))
    sense = "less is better" if objective.get("sense") == "min" else "more is better"
    parts = [
        f"Objective: {name}, {objective.get('unit')} ({sense})." if objective.get("unit") else f"Objective: {name}."
    ]
    if slo := _slo(plan):
        parts.append(f"SLO: {slo}.")
    if menu := _menu(plan, given):
        parts.append(f"Menu: {menu}.")
    reference = given["reference"]
    if reference.get("value") is not None:
        parts.append(
            f"Reference: {reference.get('name') or reference.get('system')}, serving tuned, a conventional plant."
        )
    return " ".join(parts)


def _slo(plan: Mapping[str, Any]) -> str:
    study = plan.get("study")
    demand = (study.get("demand") or {}) if isinstance(study, Mapping) else {}
    if demand.get("kind") == "training":
        return f"done within {quantity(demand['deadline'], 's')}" if demand.get("deadline") else ""
    parts = [f"{words(name)} {quantity(demand[name], 's')}" for name in ("ttft", "tpot") if demand.get(name)]
    return f"{', '.join(parts)}, 95 of 100 requests" if parts else ""


def _menu(plan: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    menu: Mapping[str, int] = given.get("menu") or {}
    parts = [f"{count:,} {MENU_WORDS.get(layer, f'options of {layer}')}" for layer, count in menu.items() if count > 1]
    if len(parts) < len(menu):
        parts.append("one option of each other layer")
    designs = (plan.get("space") or {}).get("designs")
    if designs:
        parts.append(f"{large(designs)} designs with those of serving")
    elif menu:
        parts.append(f"at most {large(prod(menu.values()))} stacks")
    return ", ".join(parts)


def _layers(told: Told) -> Iterator[LayerRow]:
    given, scale = told.given, told.scale
    before, after = (given[name].get("stack") or {} for name in ("reference", "joint"))
    shares, alone = given.get("shapley") or {}, given.get("alone") or {}
    for layer in dict.fromkeys((*before, *after, *shares)):
        yield LayerRow(
            title=title_of(layer),
            color=color_of(layer),
            reference=option_text(before.get(layer, ""), told.names),
            joint=option_text(after.get(layer, ""), told.names),
            attributed=scale.number(float(shares[layer])) if layer in shares else "",
            alone=scale.number(float(alone[layer])) if layer in alone else "",
        )


def _remarks(told: Told) -> Iterator[str]:
    """What is known beside the figures: equal quality, near-optimal stacks, the robust choice."""
    given, scale = told.given, told.scale
    same = given.get("same_quality")
    if same and (same.get("joint") or {}).get("value") is not None:
        yield (
            f"At the reference's quality (weights of {same['precision']}) joint reaches "
            f"{scale.text(float(same['joint']['value']))} instead of {scale.text(float(given['joint']['value']))}; "
            f"stated losses of quality: {_losses(same.get('stated_loss') or {})}."
        )
    near = given.get("near_optimal") or {}
    parts = [
        f"within {share} of the optimum {near[key]['designs']:,} (distinct stacks: {near[key]['stacks']['distinct']:,})"
        for key, share in NEAR.items()
        if key in near
    ]
    if parts:
        yield f"Designs that are nearly as good: {listed(parts)}."
    robust = told.robustness.get("robust") or {}
    if robust.get("reason"):
        yield f"{sentence_case(str(robust['reason']))}."
    for key, meaning in (("expected", "least in expectation"), ("worst_tenth", "least in the worst tenth of draws")):
        if choice := robust.get(key):
            kind = meaning if told.less_is_better else meaning.replace("least", "most")
            value = scale.text(float(choice["value"]))
            yield f"The robust choice, {kind}: {value} with {_apart(choice['stack'], told)}."


def _losses(losses: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share_text(loss)}" for name, loss in losses.items()) or "none"


def _apart(stack: Mapping[str, Any], told: Told) -> str:
    """What of a stack differs from the joint optimum."""
    joint = told.given["joint"].get("stack") or {}
    own, other = ({k: option_text(v, told.names) for k, v in one.items()} for one in (joint, stack))
    apart = [f"{title_of(layer).lower()} {text}" for layer, text in other.items() if not _same(own.get(layer), text)]
    return f"another {'; '.join(apart)}" if apart else "the stack of the joint optimum"


def _same(option: str | None, other: str) -> bool:
    """Whether two options are one, where one of them may leave out what follows the record."""
    short, long = sorted((option or "", other), key=len)
    return bool(short) and (long == short or long.startswith((f"{short} ", f"{short},")))


def _barriers(told: Told) -> Iterator[tuple[str, str, str, str]]:
    """Layers between which a barrier is, what it is, the options it concerns, and what stays locked behind it."""
    for row in told.given.get("barriers") or ():
        layers = " and ".join(title_of(layer).lower() for layer in str(row["between"]).split("+"))
        options = ", ".join(option_text(option, told.names) for option in row.get("options") or ())
        locked = row.get("locked")
        worth = "not known" if locked is None else told.scale.text(float(locked)) if locked else "nothing"
        yield sentence_case(layers), sentence_case(str(row["what"])), options, worth
