"""Who can run a model: its family, the platforms of chips, and what each engine says of the family on its platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stackwright.core.records import Record
from stackwright.model.architecture import Architecture
from stackwright.model.operators import Attention, LatentAttention
from stackwright.stack.parts import Parts

ONLY = "-only"
PORTABLE = "portable"
"""Options of the interface layer: one platform alone, by its short name, or an engine that runs on several."""
UNKNOWN = "unknown"


def family_of(model: Architecture) -> str:
    """What an engine has to know to run a model: the hardest of its parts names the family. Source: definition."""
    if model.states:
        return "linear-hybrid"
    mixers = [one for one in model.operators if isinstance(one, Attention | LatentAttention)]
    if any(one.selected or one.compress > 1 for one in mixers):
        return "sparse-attention"
    if any(isinstance(one, LatentAttention) for one in mixers):
        return "mla-moe"
    return "gqa-moe" if model.has_experts else "dense"


@dataclass(frozen=True)
class Platforms:
    """The platforms of a catalog on which chips stand, and the engines of each."""

    parts: Parts

    @cached_property
    def records(self) -> dict[str, Record]:
        """Platforms that a chip stands on, by id; libraries and frameworks beside them are not among these."""
        found = [record for record in self._interface("Platform") if "silicon" in record.text]
        return {record.id: record for record in found}

    @cached_property
    def engines(self) -> dict[str, Record]:
        """Software stacks by id."""
        return {record.id: record for record in self._interface("SoftwareStack")}

    def _interface(self, kind: str) -> list[Record]:
        known = [record for record in self.parts.catalog.records("interface") if record.type == kind]
        return sorted(known, key=lambda record: record.id)

    def of_chip(self, chip: str) -> str | None:
        """The platform of a chip; None where no record names it. Source: definition."""
        return next((id for id, record in self.records.items() if chip in _chips(record)), None)

    def of_system(self, system: str) -> str | None:
        """The platform of a system's chip. Source: definition."""
        return self.of_chip(str(self.parts.get("rack", system).record.links["chip"]))

    def of_engine(self, engine: str) -> str | None:
        """The platform of the chips that an engine's release runs on. Source: definition."""
        return next((self.of_chip(chip) for chip in _chips(self.engines[engine])), None)

    def project(self, engine: str) -> str:
        """The engine of which a software stack is a release; its own name where the record says no more.

        Source: definition.
        """
        record = self.engines[engine]
        return str(record.text.get("engine") or record.name)

    def option(self, platform: str) -> str:
        """The word by which a study asks for one platform alone. Source: definition."""
        return f"{self.records[platform].text.get('option', platform)}{ONLY}"


def runs_of(platforms: Platforms, family: str, systems: tuple[str, ...]) -> list[dict[str, Any]]:
    """Which software stacks run a family of models on which platform today, by platform and engine.

    `systems` are those of the study's menu. Source: the families of each engine's record.
    """
    made = [_run(platforms, family, engine, systems) for engine in platforms.engines]
    return sorted(made, key=lambda row: (str(row["platform"]), row["engine"]))


def _run(platforms: Platforms, family: str, engine: str, systems: tuple[str, ...]) -> dict[str, Any]:
    record, platform = platforms.engines[engine], platforms.of_engine(engine)
    told: Mapping[str, Any] = (record.text.get("families") or {}).get(family) or {}
    linked = [system for system in systems if engine in _names(platforms.parts.get("rack", system).record, "software")]
    return {
        "platform": platform,
        "platform_name": None if platform is None else platforms.records[platform].name,
        "engine": engine,
        "engine_name": record.name,
        "support": str(told.get("answer", UNKNOWN)),
        "source": told.get("source"),
        "date": None if told.get("date") is None else str(told["date"]),
        "note": told.get("note", "its record says nothing of the family"),
        "chips": list(_chips(record)),
        "systems": linked,
    }


def stands_on(platforms: Platforms, chip: str) -> list[dict[str, Any]]:
    """Everything on record below the engine that a chip binds a stack to. Source: the platforms' records."""
    found = [
        record
        for record in platforms.parts.catalog.records("interface")
        if record.type == "Platform" and chip in _chips(record)
    ]
    return [
        {
            "platform": record.id,
            "name": record.name,
            "vendor": record.vendor,
            "portability": record.text.get("portability"),
        }
        for record in sorted(found, key=lambda record: record.id)
    ]


def _chips(record: Record) -> tuple[str, ...]:
    return tuple(_names(record, "chips"))


def _names(record: Record, link: str) -> Iterator[str]:
    given = record.links.get(link) or ()
    yield from ([given] if isinstance(given, str) else given)
