"""Files that are whole or absent: a reader never meets a half-written one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_atomic(path: Path, text: str) -> None:
    """Write UTF-8 text so that `path` holds either its old content or all of the new one.

    The text goes to a file beside the target, which then takes its name; an interruption leaves
    nothing behind. Missing folders are made. Source: POSIX rename (definition).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def json_text(data: Any) -> str:
    """JSON with one key a line and a final newline; NaN and infinity are refused, as JSON has neither.

    Source: RFC 8259 (definition).
    """
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
