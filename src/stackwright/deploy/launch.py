"""A table applied to a pool: the command, its configuration file, and what of the plan no setting carries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.core.errors import InfeasibleError
from stackwright.deploy.checkpoint import Checkpoint
from stackwright.deploy.quantities import choices_of, facts_of, quantities_of
from stackwright.deploy.service import Pool, Service
from stackwright.deploy.table import ASSIGN, KEY, Argument, Table


@dataclass(frozen=True)
class Launch:
    """What starts one replica of a pool."""

    pool: Pool
    command: tuple[str, ...]
    """Of a replica, or of its leader where it spans several servers."""
    worker: tuple[str, ...]
    """Of its other servers; empty where it spans one."""
    config: Mapping[str, Any]
    """Content of the configuration file; empty where the engine takes flags alone."""
    environment: Mapping[str, str]
    address: str
    """The variable in which a server wants its own address; empty where it needs none."""
    image: str
    missing: Mapping[str, str]
    """Choices of the plan that no setting carries, with the reason."""
    quantities: Mapping[str, Any]


def launch_of(service: Service, pool: Pool, table: Table, checkpoint: Checkpoint, port: int | None = None) -> Launch:
    """A pool's launch, on the table's port if no other is given.

    Raises `InfeasibleError` where the engine lacks something that it cannot start without.
    """
    known = quantities_of(service, pool, checkpoint, port or table.port)
    leader = _Applied(table, known, facts_of(service, pool))
    worker = _Applied(table, known, facts_of(service, pool, worker=True)) if pool.nodes > 1 else None
    choices = choices_of(service, pool, checkpoint)
    missing = {
        name: f"{words}: {leader.refused.get(name) or table.missing.get(name) or f'{table.title} has no setting'}"
        for name, words in choices.items()
        if name not in leader.said or name in leader.refused
    }
    facts = facts_of(service, pool)
    for limit in table.limits:
        if holds(limit.when, facts):
            missing[limit.choice] = limit.reason.format(**known)
    return Launch(
        pool=pool,
        command=leader.command,
        worker=worker.command if worker else (),
        config=leader.config,
        environment={name: text.format(**known) for name, text in table.environment.items()},
        address=table.address["name"] if table.address and holds(table.address["when"], facts) else "",
        image=str(table.software[service.software]),
        missing=missing,
        quantities=known,
    )


def holds(when: Iterable[str], facts: Mapping[str, bool]) -> bool:
    """Whether all conditions hold; "not x" holds where x does not. Source: definition."""
    return all(not facts[word[4:]] if word.startswith("not ") else facts[word] for word in when)


class _Applied:
    """A table's settings for known quantities and facts."""

    def __init__(self, table: Table, known: Mapping[str, Any], facts: Mapping[str, bool]) -> None:
        self.said: set[str] = set()
        self.refused: dict[str, str] = {}
        self.config: dict[str, Any] = {}
        self._known, self._table = known, table
        words = [part.format(**known) for part in table.command]
        for argument in table.arguments:
            if holds(argument.when, facts):
                words += self._setting(argument)
        if table.config and self.config:
            words += [table.config["flag"], _text({table.config["under"]: self.config})]
            self.config = {}
        self.command = tuple(words)

    def _setting(self, argument: Argument) -> list[str]:
        value = self._value(argument)
        if value is None:
            return []
        self.said |= {*argument.says, *([argument.take] if argument.take else [])}
        if argument.unless is not None and value == argument.unless:
            return []
        if argument.form == KEY:
            self._put(argument.key, value)
            return []
        if argument.form == ASSIGN:
            return [f"{argument.name}={_text(value)}"]
        return [argument.name] if value is True else [argument.name, _text(value)]

    def _value(self, argument: Argument) -> Any:
        """The value of a setting; None where it does not stand."""
        if argument.text:
            return argument.text.format(**self._known)
        if not argument.take:
            return True if argument.value is None else argument.value
        value = self._known[argument.take]
        if value is None or not argument.words:
            return value
        if value in argument.words:
            self.said.add(argument.take)
            return argument.words[value]
        reason = f"{self._table.title} has no {argument.name} for {value}"
        if argument.needed:
            raise InfeasibleError(reason, {"engine": self._table.engine, "lacks": f"{argument.name} {value}"})
        self.refused[argument.take] = reason
        return None

    def _put(self, key: str, value: Any) -> None:
        place = self.config
        *parents, last = key.split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list):
        return json.dumps(value, separators=(",", ":"))
    return f"{value:.10g}" if isinstance(value, float) else str(value)
