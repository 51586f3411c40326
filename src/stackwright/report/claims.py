"""The report of claims: one HTML file that opens offline, from a table of all to each with its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from stackwright.core.files import write_atomic
from stackwright.evidence.claims.page import MEANINGS
from stackwright.evidence.claims.pictures import VERDICTS
from stackwright.evidence.claims.verdicts import ORDER, Verdict
from stackwright.evidence.claims.words import computed_text, in_written_units, number, stated_text, verdict_text
from stackwright.report.claims_pictures import pictures_of, standing
from stackwright.report.page import environment

Made = Mapping[str, Any]
DARK_INK = (Verdict.CONDITIONAL, Verdict.CONTESTED, Verdict.RECORDED)
"""Verdicts whose color is pale, so that their words are dark."""
SAID = (
    ((Verdict.REPRODUCED, Verdict.RECORDED), "holds as it was said", "hold as they were said"),
    ((Verdict.CONDITIONAL,), "holds only under a condition that it leaves out", "only under conditions they leave out"),
    ((Verdict.NOT_TESTABLE,), "cannot be tested", "cannot be tested"),
    ((Verdict.CONTESTED,), "is contested", "are contested"),
    ((Verdict.REFUTED,), "is refuted", "are refuted"),
)
"""How many claims have some verdicts, in words: of one claim, and of several."""


def write_claims(made: Sequence[Made], path: Path) -> None:
    """Write the report of claims that were run, whole or not at all."""
    write_atomic(path, render_claims(made))


def render_claims(made: Sequence[Made]) -> str:
    """The report of claims, as ``stackwright claims --json`` has them, as HTML."""
    return environment().get_template("claims.html.j2").render(content_of_claims(made))


def content_of_claims(made: Sequence[Made]) -> dict[str, Any]:
    """Everything that the template shows."""
    made = [in_written_units(one) for one in made]
    over_all = standing(made)
    shown = [_claim(one) for one in made]
    pictures = [over_all, *(picture for one in shown for picture in one["pictures"])]
    topics = list(dict.fromkeys(one["topic"] for one in made))
    return {
        "title": "Public claims, run again",
        "sentence": sentence(made),
        "counts": counts(made),
        "standing": over_all,
        "topics": [(topic, anchor(topic), [one for one in shown if one["topic"] == topic]) for topic in topics],
        "meanings": MEANINGS,
        "verdicts": {verdict_text(kind): _badge(kind) for kind in ORDER},
        "figures": {picture.id: picture.figure for picture in pictures},
        "plotly": Markup(get_plotlyjs()),
    }


def sentence(made: Sequence[Made]) -> str:
    """What became of all claims, in a sentence. Source: definition."""
    found = [Verdict(one["verdict"]) for one in made]
    told = [
        f"{count} {words if count > 1 else one}"
        for kinds, one, words in SAID
        if (count := sum(verdict in kinds for verdict in found))
    ]
    listed = f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]
    return f"Of {len(made)} public claim{'s' if len(made) > 1 else ''} on the AI stack, {listed}."


def counts(made: Sequence[Made]) -> list[dict[str, Any]]:
    """How often each verdict falls, best first. Source: definition."""
    found = [Verdict(one["verdict"]) for one in made]
    return [
        {"verdict": _badge(kind), "count": found.count(kind), "share": found.count(kind) / len(found)}
        for kind in ORDER
        if kind in found
    ]


def anchor(words: str) -> str:
    """Words as the id of a section. Source: definition."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in words.lower()).split())


def _badge(verdict: str) -> dict[str, str]:
    kind = Verdict(verdict)
    return {"text": verdict_text(kind), "color": VERDICTS[kind], "ink": "#1d2733" if kind in DARK_INK else "#ffffff"}


def _claim(one: Made) -> dict[str, Any]:
    links = {source["key"]: source for source in one["sources"]}
    return {
        "id": one["id"],
        "topic": one["topic"],
        "who": one["who"],
        "when": one["when"],
        "wording": one["wording"],
        "quantity": one["quantity"],
        "stated": stated_text(one["stated"]),
        "computed": computed_text(one["computed"]),
        "has_stated": one["stated"] is not None,
        "has_computed": one["computed"] is not None,
        "figure": _badge(one["figure"]),
        "attribution": _badge(one["attribution"]),
        "verdict": _badge(one["verdict"]),
        "told": _told(one),
        "why": one["why_figure"] if one["figure"] == one["verdict"] else one["why_attribution"],
        "why_figure": one["why_figure"],
        "why_attribution": one["why_attribution"],
        "would_change": one["would_change"],
        "conditions": one["conditions"],
        "price_basis": one["price_basis"],
        "cannot": one["cannot"],
        "pictures": pictures_of(one),
        "tables": _tables(one),
        "evidence": [
            {"side": "for" if said["supports"] else "against"}
            | {"about": said["about"], "note": said["note"], "source": links[said["source"]]}
            for said in one["witnesses"]
        ],
        "facts": [
            {"name": name.replace("_", " "), "text": fact["text"], "kind": fact["kind"], "note": fact["note"]}
            | {"source": links.get(fact["source"])}
            for name, fact in one["facts"].items()
        ],
        "sources": one["sources"],
    }


def _told(one: Made) -> str:
    """What the numbers say, without the verdicts' reasons, which stand beside it."""
    return str(one["reason"]).partition("Figure: ")[0].strip()


def _tables(one: Made) -> list[dict[str, Any]]:
    """A claim's tables as cells of text: under which condition what is computed first."""
    made = []
    if one["under"]:
        rows = [[under["conditions"], computed_text(under)] for under in one["under"]]
        made.append({"title": "Under narrower conditions", "heads": ["if", "computed"], "rows": rows})
    named = {"Beside the figure": one["rows"], **one["tables"]}
    for title, rows in named.items():
        heads = list(dict.fromkeys(key for row in rows for key in row))
        if rows:
            cells = [[_cell(row[head]) if head in row else "" for head in heads] for row in rows]
            made.append({"title": title, "heads": heads, "rows": cells})
    return made


def _cell(value: Any) -> str:
    if value is None:
        return "no design"
    return number(value) if isinstance(value, float) else str(value)
