"""How a command ends: exit codes, messages a person can act on, and the same as JSON.

0 done; 2 bad input, all faults listed; 3 no feasible answer, nearest shown; 1 a fault of ours; 130
interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from stackwright.core.errors import Fault, InfeasibleError, InputError, StackwrightError
from stackwright.core.files import json_text, write_atomic

if TYPE_CHECKING:
    from rich.console import Console

OUR_FAULT = 1
BAD_INPUT = 2
INFEASIBLE = 3
INTERRUPTED = 130
STANDARD_OUTPUT = "-"

UNUSABLE = {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EISDIR, errno.ENOTDIR}
"""System errors that lie in the paths given, not in this program."""


class Output:
    """Where a command's result goes: tables for a person, JSON where it was asked for."""

    def __init__(self, json: str | None) -> None:
        self._json = json

    @property
    def console(self) -> Console:
        """Where tables are printed: standard error when JSON has standard output for itself."""
        from rich.console import Console

        wide = None if sys.stdout.isatty() else 100
        return Console(stderr=self._json == STANDARD_OUTPUT, width=wide, highlight=False)

    def json(self, data: Mapping[str, Any]) -> None:
        """Write the result as JSON, if it was asked for."""
        if self._json is None:
            return
        if self._json == STANDARD_OUTPUT:
            sys.stdout.write(json_text(data))
            sys.stdout.flush()
        else:
            save(Path(self._json), json_text(data))


@contextmanager
def outcome(
    json: str | None,
    show_nearest: Callable[[Any, Output], None] | None = None,
    nearest: str = "The nearest stack, with the limits that it breaks:",
) -> Iterator[Output]:
    """Run a command's body and turn its errors into messages and exit codes."""
    output = Output(json)
    try:
        yield output
    except typer.Exit:
        raise
    except InputError as error:
        _refuse(error.faults, output)
    except InfeasibleError as error:
        _say(f"No feasible answer: {error}")
        if error.nearest is not None and show_nearest:
            _say(nearest)
            show_nearest(error.nearest, output)
        output.json({"error": "no feasible answer", "message": str(error), "nearest": error.nearest})
        raise typer.Exit(INFEASIBLE) from None
    except KeyboardInterrupt:
        _say("Interrupted. Every file that was written is whole; nothing half-written was left.")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        _hush()
        raise typer.Exit(OUR_FAULT) from None
    except OSError as error:
        if error.errno not in UNUSABLE:
            _apologize(error, output)
        got = error.strerror or str(error)
        _refuse([Fault(str(error.filename or ""), "", got, "a place that can be used")], output)
    except Exception as error:
        _apologize(error, output)


def save(path: Path, text: str) -> None:
    """Write a whole file; a place that cannot be written is a fault of the input."""
    try:
        write_atomic(path, text)
    except OSError as error:
        got = error.strerror or str(error)
        raise InputError([Fault(str(path), "", got, "a place where a file can be written")]) from None


def open_catalog(folders: Sequence[Path] | None) -> Any:
    """The catalog under the folders of ``--catalog``."""
    from stackwright.catalog import Catalog

    return Catalog.load(folders or ())


def plain(text: object) -> str:
    """Text that cannot steer a terminal: control characters become visible escapes."""
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
        else ascii(character)[1:-1]
        for character in str(text)
    )


def _say(text: str) -> None:
    typer.echo(plain(text), err=True)


def _refuse(faults: Sequence[Fault], output: Output) -> NoReturn:
    count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    _say(f"{count} in the input:")
    for fault in faults:
        _say(f"- {fault}")
    _answer(output, {"error": "bad input", "faults": [fault.as_dict() for fault in faults]})
    raise typer.Exit(BAD_INPUT)


def _apologize(error: Exception, output: Output) -> NoReturn:
    if os.environ.get("STACKWRIGHT_DEBUG") == "1":
        traceback.print_exception(error)
    reason = str(error) if isinstance(error, StackwrightError) else f"{type(error).__name__}: {error}"
    _say(f"A fault of Stackwright, not of your input: {reason[:300]}")
    _say("Please report it with the command and its input; STACKWRIGHT_DEBUG=1 prints where it happened.")
    _answer(output, {"error": "internal fault", "message": reason[:300], "faults": []})
    raise typer.Exit(OUR_FAULT)


def _answer(output: Output, data: Mapping[str, Any]) -> None:
    """The error as JSON; a target that cannot be written is only said, as the command has failed already."""
    try:
        output.json(data)
    except InputError as error:
        _say(f"- {error}")
    except BrokenPipeError:
        _hush()


def _hush() -> None:
    """Nobody reads standard output any more: what is left of it goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
