"""The report in a browser: no errors, no request, every picture drawn."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stackwright.report import write_report
from stackwright.report.page import content


def opened(page: Path, profile: Path, width: int = 1280) -> tuple[str, list[str]]:
    """The page's elements after its scripts ran, and what the browser's console said."""
    browser = shutil.which("chromium")
    assert browser, "chromium is needed: .ci/run installs it"
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--enable-logging=stderr",
        f"--user-data-dir={profile}",
        f"--window-size={width},2000",
        "--virtual-time-budget=10000",
        "--dump-dom",
        page.as_uri(),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("kind", ["plan", "training", "infeasible"])
def test_every_picture_is_drawn_without_an_error(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    given: dict[str, Any] = request.getfixturevalue(kind)
    write_report(given, tmp_path / "report.html")
    elements, console = opened(tmp_path / "report.html", tmp_path / "profile")
    assert console == []
    assert '<body data-drawn="all">' in elements
    drawn = set(re.findall(r'<div class="plot[^"]*" id="plot-(\w+)"[^>]*data-drawn="yes"', elements))
    assert drawn == set(content(given)["figures"])
    assert elements.count('class="main-svg"') >= len(drawn)


def test_the_console_is_heard(tmp_path: Path) -> None:
    (tmp_path / "broken.html").write_text("<script>undefinedName()</script>", encoding="utf-8")
    _, console = opened(tmp_path / "broken.html", tmp_path / "profile")
    assert len(console) == 1
