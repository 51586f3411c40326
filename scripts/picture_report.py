"""Take the picture of a plan's report that the README shows.

    python scripts/picture_report.py out/chat/plan.json docs/pictures/report.png

Needs Chromium on the path.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from stackwright.report import write_report

WIDTH = 1280
HEIGHT = 2480
DRAWING_TIME = 8000
"""Milliseconds of the page's own time that its pictures may take to draw."""


def main() -> None:
    """Read a plan, write its report to a passing folder, and photograph the top of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path, help="a plan.json")
    parser.add_argument("picture", type=Path, help="the PNG file to write")
    parser.add_argument("--height", type=int, default=HEIGHT, help="pixels from the top")
    given = parser.parse_args()
    browser = shutil.which("chromium")
    if browser is None:
        parser.error("chromium is not on the path")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        write_report(json.loads(given.plan.read_text(encoding="utf-8")), report)
        photograph(browser, report, given.picture.resolve(), given.height, Path(folder) / "profile")


def photograph(browser: str, page: Path, picture: Path, height: int, profile: Path) -> None:
    """Write a picture of a page's top."""
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
        f"--window-size={WIDTH},{height}",
        f"--virtual-time-budget={DRAWING_TIME}",
        f"--screenshot={picture}",
        page.as_uri(),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()
