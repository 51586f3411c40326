"""The summary of a plan: complete, readable at 100 columns, and only text."""

import io

import pytest
from rich.console import Console

from stackwright.cli.summary import print_summary
from stackwright.cli.tables import number, percent, quantity


def printed(plan, report=None):
    console = Console(file=io.StringIO(), width=100, highlight=False)
    print_summary(plan, console, report)
    return console.file.getvalue()


def test_a_summary_names_choice_reason_range_and_bounds(made_plan, tmp_path):
    text = printed(made_plan, tmp_path / "report.html")
    for part in (
        "chat: lowest cost per million tokens is 0.8123 USD (0.6 to 1.1)",
        "cheapest within the accepted loss",
        "one domain holds all experts [of the model]",
        "122.4 MW (110 to 140)",
        "none: no token price",
        "site power",
        "hgx-h200",
        "0.91 USD (0.7 to 1.2)",
        "1.23% to the bound",
        "331,800 designs",
        "! weather of Abilene: Dallas stands in",
        "report.html",
    ):
        assert part in text
    assert "budget" not in text
    assert max(map(len, text.splitlines())) <= 100


DEAL = {
    "name": "River [hydro]",
    "settlement": "energy over the grid",
    "in_the_best_plan": False,
    "total": {
        name: {"value": 2.0, "low": 1.0, "high": 3.0, "unit": "TWh"}
        for name in ("energy", "delivered", "bought", "payments", "price_paid", "net_cost", "added_clean")
    },
    "tokens": {"value": 4e15, "unit": "token"},
    "slip": {"years": 2}
    | {name: {"value": -2.5e9, "unit": "USD"} for name in ("cost", "clean_energy_lost", "tokens_lost")},
    "equivalence": {"label": "equivalence", "system": "GB200 NVL72", "chips": {"value": 5e4, "unit": "chip"}},
}


def test_a_named_deal_is_shown(made_plan):
    made_plan["deals"] = [DEAL]
    text = printed(made_plan)
    for part in (
        "River [hydro] (not in the plan above)",
        "energy over the grid",
        "2 TWh (1 to 3)",
        "2 years late: cost",
        "-2.5 B USD",
        "equivalence",
        "50,000 chip of GB200 NVL72",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100
    assert "not in the plan" not in printed(made_plan | {"deals": [DEAL | {"in_the_best_plan": True}]})


def test_a_violated_limit_is_shown(made_plan):
    made_plan["margins"] = [{"constraint": "ttft", "value": 4.0, "limit": 3.0, "unit": "s", "slack": -0.33}]
    assert "4 s" in printed(made_plan)


def test_markup_and_control_characters_are_text(made_plan):
    made_plan["warnings"] = ["[bold]x[/bold] \x1b[31m"]
    made_plan["stack"]["rack"] = {"system": "[red]\u202eevil"}
    text = printed(made_plan)
    assert "[bold]x[/bold] \\x1b[31m" in text
    assert "[red]\\u202eevil" in text


def test_a_plan_without_optional_parts_prints(made_plan):
    keep = {key: made_plan[key] for key in ("study", "objective", "stack", "metrics")}
    assert "deepseek-r1" in printed(keep)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (0.00012345, "1.234e-04"),
        (1234.5678, "1235"),
        (123456.7, "123,500"),
        (1.5e12, "1.500e+12"),
    ],
)
def test_numbers_have_four_digits(value, text):
    assert number(value) == text


def test_quantities_are_scaled_with_their_unit():
    assert quantity({"value": 2.5e9, "unit": "USD"}) == "2.5 B USD"
    assert quantity({"value": 2.5e3, "unit": "s"}) == "2500 s"
    assert quantity({"value": None, "reason": "not asked"}) == "none: not asked"
    assert percent(None) == "-"
