"""The field's short words, explained where they stand and once more at the end."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

TERMS = {
    "TTFT": "time to first token: from the request's arrival to the first token of its answer",
    "TPOT": "time per output token: the pause between two tokens of an answer",
    "SLO": "service level objective: the latency that 95 of 100 requests must stay within",
    "Mtoken": "one million tokens; a token is about three quarters of an English word",
    "PUE": "power usage effectiveness: energy at the meter over energy of the computers; 1 is ideal",
    "WUE": "water usage effectiveness: liters of water evaporated per kilowatt-hour of the computers",
    "TUE": "total-power usage effectiveness: energy at the meter over energy of the boards; PUE with what it hides",
    "IT": "the computers themselves: chips, hosts, switches; not cooling and not losses on the way",
    "NPV": "net present value: revenue less cost, each discounted to today",
    "capex": "capital expenditure: what is bought and built, before discounting and resale",
    "prefill": "reading the prompt: all its tokens at once, limited by arithmetic",
    "decode": "writing the answer: token by token, limited by memory bandwidth",
    "disaggregated": "prefill and decode run on separate chips",
    "aggregated": "prefill and decode share the same chips",
    "KV cache": "what the model remembers of a conversation while it answers",
    "prefix cache": "kept KV cache of a prompt's beginning, so that it need not be computed again",
    "oversubscription": "how many times the fabric is thinner than full bandwidth between all chips",
    "scale-up": "the fast links inside a rack or pod",
    "PPA": "power purchase agreement: a contract for energy at an agreed price over many years",
    "binding": "the limit holds the result back: relaxing it would improve the objective",
    "proxy": "data of another place or year that stand in for what is not public",
    "gap": "how far from the true optimum the answer can be at most, over all designs of the search space",
    "joint": "all layers decided together: the best of the whole search space",
    "Shapley": "what a layer brings, as the mean over all orders of freeing layers; the parts sum to the whole",
    "regret": "what keeping a choice costs once the inputs turn out otherwise",
    "gross margin": "price less cost of goods, as a share of the price",
    "NRE": "non-recurring engineering: what a chip costs once, whatever its volume",
    "residual": "what the equipment can still be sold for at the end of the horizon",
    "P50": "the day by which a thing has come in half of all cases",
    "P90": "the day by which it has come in nine of ten cases",
    "non-firm": "power that may be curtailed for a number of hours a year",
    "curtailed": "energy that could have been generated and nobody took, or power that is withheld",
    "Perfect foresight": "every hour's load, weather and price are known when the first hour is decided",
    "clean share": "part of the load that energy without carbon covers; it depends on how it is counted",
    "UPS": "uninterruptible power supply: batteries and converters between the grid and the racks",
    "TDP": "thermal design power: the most heat a chip may give off for long",
    "FLOP": "floating-point operation",
    "MFU": "model FLOP utilization: the model's own arithmetic over the peak of the chips",
    "HFU": "hardware FLOP utilization: all arithmetic, recomputation included, over the peak of the chips",
    "goodput": "share of the time that advances the run: not lost to failures, restarts and checkpoints",
    "recompute": "computing intermediate results twice instead of keeping them in memory",
    "micro-batch": "sequences that pass through the model at once, of the many of a step",
}

_WORDS = re.compile(rf"\b({'|'.join(re.escape(word) for word in sorted(TERMS, key=len, reverse=True))})\b")


def explained(text: object) -> Markup:
    """The text, escaped, with an explanation on every first use of a short word."""
    seen: set[str] = set()

    def mark(match: re.Match[str]) -> str:
        word = match.group(1)
        if word in seen:
            return word
        seen.add(word)
        return f'<abbr title="{escape(TERMS[word])}">{word}</abbr>'

    return Markup(_WORDS.sub(mark, str(escape(text))))
