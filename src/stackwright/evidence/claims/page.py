"""A page of the documentation on claims that were run: a table of all, then each with its figures and evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stackwright.core.files import write_atomic
from stackwright.evidence.claims.pictures import picture_curve, picture_standing
from stackwright.evidence.claims.verdicts import NEAR, ORDER, TOO_WIDE
from stackwright.evidence.claims.words import computed_text, in_written_units, number, stated_text, verdict_text

Made = Mapping[str, Any]

MEANING_HEADS = ("verdict", "what it says of the figure", "of what it is laid to")
MEANINGS = (
    ("reproduced", "the stated figure lies in the computed range", "computed facts support it"),
    ("recorded", "nothing to compute; sources confirm it", "a source that could know confirms it"),
    (
        "conditional",
        "it holds only under a condition that the claim leaves out, or the ends of the range are more than"
        f" {TOO_WIDE:.0f} times apart",
        "",
    ),
    ("not testable", "no source, and nothing that the engine could compute", "nobody who could know has said so"),
    (
        "contested",
        f"it misses the range by less than {NEAR:.0%} of its width, a bound lies inside it, or sources disagree",
        "sources or computed facts disagree",
    ),
    ("refuted", "it lies outside under every condition tried, or sources only contradict it", "only contradicted"),
)


def write_page(folder: Path, made: Sequence[Made]) -> None:
    """Write ``claims.md`` and its pictures to a folder. Nothing of it depends on the day or the machine.

    Source: definition.
    """
    made = [in_written_units(one) for one in made]
    picture_standing(made, folder / "claims-standing.svg")
    topics = list(dict.fromkeys(one["topic"] for one in made))
    parts = [_head(made), _table(made), _standing(made)]
    for topic in topics:
        parts.append(f"## On {topic}")
        parts += [_claim(folder, one) for one in made if one["topic"] == topic]
    write_atomic(folder / "claims.md", "\n\n".join(part.strip() for part in parts if part) + "\n")


def _head(made: Sequence[Made]) -> str:
    counts = ", ".join(
        f"{count} {verdict_text(kind)}" for kind in ORDER if (count := sum(one["verdict"] == kind for one in made))
    )
    return f"""# Public claims, run

Written by `stackwright claims --page`. {len(made)} claims on the AI stack, most of them from one essay of April 2026
that repeats what vendors, analysts and posts say. Each is a record with its conditions and sources; its quantity is
computed anew by the engine from the catalog's records, with a range. Of all, {counts}.

A claim has a figure, and it lays that figure to something: a vendor, a cause, a contract. Both are judged, by rules;
the worse of the two is the claim's verdict. No verdict is written down anywhere: a number that changes may change it.

{grid(MEANING_HEADS, MEANINGS)}

A word such as *massive* or *step change* has no figure: the number that it is read as stands under *conditions*, and is
ours. Ranges are the 5th and 95th percentile over draws of the records' ranges, numbers drawn apart; where a claim
leaves open how it is meant, the least and the most of its readings. A dash is no figure."""


def _table(made: Sequence[Made]) -> str:
    rows = [
        (
            f"[{one['id']}](#{one['id']})",
            one["wording"],
            stated_text(one["stated"]),
            computed_text(one["computed"]),
            verdict_text(one["figure"]),
            verdict_text(one["attribution"]),
        )
        for one in made
    ]
    return "## All claims\n\n" + grid(("claim", "what was said", "stated", "computed", "figure", "attribution"), rows)


def _standing(made: Sequence[Made]) -> str:
    return """![Computed ranges over stated figures](claims-standing.svg)

Thick: the computed range over the stated figure, with everything open that the claim leaves open; the circle is its
middle value. Thin: the same under narrower conditions. Colors are the verdicts on the figure: green reproduced, orange
conditional, pink contested, red refuted. Bounds count as met on their right side."""


def _claim(folder: Path, one: Made) -> str:
    lines = [
        f"### {one['id']}",
        f"*{one['who']}{', ' + one['when'] if one['when'] else ''}.* {one['wording']}",
        f"**{verdict_text(one['verdict']).capitalize()}** (figure {verdict_text(one['figure'])}, attribution"
        f" {verdict_text(one['attribution'])}). {one['reason']}",
        "\n".join(_facts(one)),
    ]
    if one["under"]:
        rows = [(under["conditions"], computed_text(under)) for under in one["under"]]
        lines.append(grid(("if", "computed"), rows))
    if one["rows"]:
        lines.append(_rows(one["rows"]))
    lines += [f"{title}:\n\n{_rows(rows)}" for title, rows in one["tables"].items()]
    if one["curve"]:
        name = f"claims-{one['id']}.svg"
        picture_curve(one["curve"], folder / name)
        lines.append(
            f"![{one['quantity']}]({name})"
            + ("\n\nDashed across: the stated figure." if one["curve"]["stated"] is not None else "")
        )
    lines.append(_evidence(one))
    return "\n\n".join(line for line in lines if line)


def _facts(one: Made) -> list[str]:
    told = [f"- Quantity: {one['quantity']}"]
    told.append(f"- Stated: {stated_text(one['stated'])}; computed: {computed_text(one['computed'])}")
    told += [f"- Condition: {words}" for words in one["conditions"]]
    told += [f"- Price basis: {one['price_basis']}"] if one["price_basis"] else []
    told += [f"- What would change the verdict: {one['would_change']}"]
    told += [f"- Not computed: {one['cannot']}"] if one["cannot"] else []
    return told


def _rows(rows: Sequence[Made]) -> str:
    heads = list(dict.fromkeys(key for row in rows for key in row))
    return grid(heads, ([_shown(row[head]) if head in row else "" for head in heads] for row in rows))


def _shown(value: Any) -> str:
    if value is None:
        return "no design"
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else number(value)


def _evidence(one: Made) -> str:
    titles = {source["key"]: _link(source) for source in one["sources"]}
    lines = [
        f"- {'For' if said['supports'] else 'Against'} the {said['about']}: {said['note']} ({titles[said['source']]})"
        for said in one["witnesses"]
    ]
    lines += [
        f"- {name.replace('_', ' ')}: {fact['text']}, {fact['kind']}"
        + (f" ({titles[fact['source']]})" if fact["source"] != "assumption" else "")
        + (f"; {fact['note']}" if fact["note"] else "")
        for name, fact in one["facts"].items()
    ]
    return "\n".join(lines)


def _link(source: Made) -> str:
    return f"[{source['title']}]({source['url']})" if source["url"] else source["title"]


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. Source: definition."""
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
