"""Take pictures of a plan's report for the documentation: its top, its cross-section of the stack, what it rests on.

    python scripts/picture_report.py out/chat/plan.json docs/pictures

Writes report.png, stack.png and concentration.png to the folder. Needs Chromium on the path.
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
ONLY = "body > header, body > nav, body > footer, main > :not(#{}) {{ display: none }}"
PICTURES = {
    "report.png": ("", 1000),
    "stack.png": (ONLY.format("stack"), 1550),
    "concentration.png": (ONLY.format("concentration"), 1340),
}
"""Name of each picture: the style that leaves out the rest of the page, and its height in pixels."""
DRAWING_TIME = 8000
"""Milliseconds of the page's own time that its pictures may take to draw."""


def main() -> None:
    """Read a plan, write its report to a passing folder, and photograph it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path, help="a plan.json")
    parser.add_argument("pictures", type=Path, help="the folder for the pictures")
    given = parser.parse_args()
    browser = shutil.which("chromium")
    if browser is None:
        parser.error("chromium is not on the path")
    given.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        write_report(json.loads(given.plan.read_text(encoding="utf-8")), report)
        whole = report.read_text(encoding="utf-8")
        for name, (style, height) in PICTURES.items():
            report.write_text(whole.replace("</head>", f"<style>{style}</style></head>", 1), encoding="utf-8")
            photograph(browser, report, given.pictures.resolve() / name, height, Path(folder) / "profile")


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
