"""Tables of an engine's version: which of its settings carries which choice of a plan, and what none of them carries.

A version is a file of `tables/`; a further one needs no code. `quantities.py` has the words that a table may use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from stackwright.core import yamltext
from stackwright.core.errors import Fault, InputError, nearest

OPENAI = "openai"
FLAG, KEY, ASSIGN = "flag", "key", "assign"
FORMS = (FLAG, KEY, ASSIGN)


@dataclass(frozen=True)
class Argument:
    """One setting: a flag of the command, a dotted key of the configuration file, or a word assigned on the line.

    Its value is the quantity that `take` names, a fixed `value`, or `text` with quantities in braces; none of them
    is a switch. It stands where all of `when` hold ("not x" where x does not), unless its value is `unless`.
    """

    flag: str = ""
    key: str = ""
    assign: str = ""
    take: str = ""
    value: Any = None
    text: str = ""
    words: Mapping[Any, Any] = field(default_factory=dict)
    when: tuple[str, ...] = ()
    unless: Any = None
    says: tuple[str, ...] = ()
    """Choices of the plan that it carries, where they are not the quantity's own."""
    needed: bool = False
    """Whether the engine cannot start where `words` lack the value."""

    @property
    def form(self) -> str:
        """Which kind of setting it is. Source: definition."""
        return next(name for name in FORMS if getattr(self, name))

    @property
    def name(self) -> str:
        """Its name in the engine. Source: definition."""
        return str(getattr(self, self.form))


@dataclass(frozen=True)
class Limit:
    """Something that the engine does otherwise than the plan, where all of `when` hold."""

    when: tuple[str, ...]
    choice: str
    reason: str


@dataclass(frozen=True)
class Table:
    """An engine of a version."""

    engine: str
    version: str
    date: str
    sources: tuple[str, ...]
    software: Mapping[str, str]
    """Container image by record of the interface layer that the engine stands for."""
    command: tuple[str, ...]
    arguments: tuple[Argument, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why no setting carries a choice."""
    limits: tuple[Limit, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    address: Mapping[str, Any] = field(default_factory=dict)
    """The variable in which a server is told its own address, by `name`, and `when`."""
    config: Mapping[str, str] = field(default_factory=dict)
    """Where the keys go as JSON: the `flag`, and the word that they stand `under`. None is a file of the pool's own."""
    several_nodes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """How a replica starts on several servers: the `leader` line and the `worker` line, by vendor or for `all`."""
    router: Mapping[str, Any] = field(default_factory=dict)
    """What stands before pools of prefill and decode: its `command` and `image`, its `config` where it reads one, how
    it is started by hand (`local`), whether it `discovers` pods, and the `annotations` by role by which it does."""
    apart: bool = True
    """Whether pools of prefill and decode can be started; if not, the chips of both serve as one pool."""
    port: int = 8000
    kind: str = "server"
    """`server` is started by scripts and manifests; `graph` and `chart` are resources of an orchestrator of its own."""
    backends: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of an orchestrator: its engine by record of the interface layer."""
    api: str = OPENAI
    """What its servers speak: `openai`, which the benchmark and the probes of manifests need, or their own."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fixed words of an orchestrator's own resources."""

    @property
    def title(self) -> str:
        """Engine and version for people. Source: definition."""
        return f"{self.engine} {self.version}"


ENGINES = ("vllm", "sglang", "tensorrt-llm", "dynamo", "llm-d", "jetstream", "neuron")


def _order(version: str) -> tuple[tuple[int, Any], ...]:
    parts = re.findall(r"\d+|[a-z]+", version)
    return tuple((1, int(part)) if part.isdigit() else (0, part) for part in parts)


@lru_cache(maxsize=1)
def tables() -> Mapping[str, tuple[Table, ...]]:
    """The packaged tables by engine, newest first. Source: definition."""
    found: dict[str, list[Table]] = {}
    for entry in sorted((files("stackwright.deploy") / "tables").iterdir(), key=lambda one: one.name):
        table = read_table(Path(str(entry)))
        found.setdefault(table.engine, []).append(table)
    return {
        engine: tuple(sorted(own, key=lambda one: _order(one.version), reverse=True)) for engine, own in found.items()
    }


def table_of(engine: str, version: str | None = None, own: Path | None = None) -> Table:
    """The table of an engine: the newest, that of a version, or a file of one's own. Raises `InputError`."""
    if engine not in ENGINES:
        close = nearest(engine, ENGINES)
        raise InputError([Fault("--to", "", repr(engine), f"one of {', '.join(ENGINES)}", nearest=close)])
    if own is not None:
        table = read_table(own)
        if table.engine != engine:
            raise InputError([Fault(str(own), "engine", repr(table.engine), f"the table of {engine}")])
        return table
    known = {table.version: table for table in tables()[engine]}
    if version is None:
        return next(iter(known.values()))
    if version not in known:
        expected = f"a version with a table: {', '.join(known)}"
        remedy = "Write a table of your own and give it with --table."
        raise InputError([Fault("--engine-version", "", repr(version), expected, remedy=remedy)])
    return known[version]


def read_table(path: Path) -> Table:
    """A table's file. Raises `InputError` with its faults."""
    text = yamltext.read(path)
    data = text.data if isinstance(text.data, dict) else {}
    faults: list[Fault] = list(text.faults)
    made = _built(Table, data, path, "", faults)
    if not faults and made is not None:
        made = _with_parts(made, path, faults)
    if faults or made is None:
        raise InputError(faults)
    return made


def _with_parts(table: Table, path: Path, faults: list[Fault]) -> Table:
    arguments = _all(Argument, table.arguments, path, "arguments", faults)
    limits = _all(Limit, table.limits, path, "limits", faults)
    for at, argument in enumerate(arguments):
        if sum(bool(getattr(argument, form)) for form in FORMS) != 1:
            faults.append(Fault(str(path), f"arguments[{at}]", "no one name", f"one of {', '.join(FORMS)}"))
    named = {name: getattr(table, name) for name in Table.__dataclass_fields__}
    named |= {"arguments": arguments, "limits": limits}
    named |= {"command": tuple(table.command), "sources": tuple(table.sources)}
    return Table(**named)


def _all(kind: type, rows: Any, path: Path, name: str, faults: list[Fault]) -> tuple[Any, ...]:
    made = (_built(kind, row, path, f"{name}[{at}]", faults) for at, row in enumerate(rows))
    return tuple(one for one in made if one is not None)


TUPLES = ("when", "says")


def _built(kind: type, data: Any, path: Path, place: str, faults: list[Fault]) -> Any:
    if not isinstance(data, Mapping):
        faults.append(Fault(str(path), place, "no mapping", f"the fields of {kind.__name__}"))
        return None
    known = kind.__dataclass_fields__  # type: ignore[attr-defined]
    for name in data:
        if name not in known:
            at, close = f"{place}.{name}".strip("."), nearest(str(name), known)
            faults.append(
                Fault(str(path), at, "a word that tables do not have", f"one of {', '.join(known)}", None, close)
            )
    given = {name: tuple(value) if name in TUPLES else value for name, value in data.items() if name in known}
    try:
        return kind(**given)
    except TypeError as error:
        faults.append(Fault(str(path), place, str(error), f"the fields of {kind.__name__}"))
        return None


class _Blocks(yaml.SafeDumper):
    """YAML whose texts of several lines stand as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Blocks.add_representer(str, _text)


def dumped(data: Any) -> str:
    """YAML of plain data in the order given. Source: definition."""
    return yaml.dump(data, Dumper=_Blocks, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
