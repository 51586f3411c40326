"""Barriers: what cannot be combined at all, told apart from what merely costs.

A layer that is not free stands at the reference's option or at what stands in for it. A barrier is what a layer's
choice forces on another: a chip that is sold in one form, a system with a fabric and an engine of its own, racks that
need liquid. Its weight is what the layers that are free lose if the forced layer may not give way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stackwright.codesign.layers import HARDWARE, Layered, allowed, form_of, package_of
from stackwright.stack.parts import Parts


def barriers(layers: Layered, parts: Parts) -> list[dict[str, Any]]:
    """Every barrier that the menu has against the reference: between which layers, for which options, and its weight.

    `locked` is what the layers on the left gain if that on the right gives way, less what they gain if it may not, in
    units of the score; zero where the barrier stands before options that nobody wants.
    """
    made = [_cooled(layers, parts), _formed(layers, parts), _wired(layers)]
    return [one for one in made if one["options"]]


def _cooled(layers: Layered, parts: Parts) -> dict[str, Any]:
    """Racks of the other kind than the reference's cooling holds."""
    table = layers.table
    out = ~table.fits[:, layers.reference.cooling] & table.fits.any(axis=1)
    path = form_of(parts.get("rack", table.choices[layers.reference.choice].system))[0]
    free = allowed(layers, HARDWARE)
    rest = layers.reference[2:]
    moved = layers.score[(np.flatnonzero(free), layers.stands_in[free], *rest)]
    stays = layers.score[(np.flatnonzero(free), layers.reference.cooling, *rest)]
    return {
        "between": "rack+cooling",
        "what": f"racks that a plant for {path} does not hold",
        "options": sorted({table.choices[number].system for number in np.flatnonzero(out)}),
        "locked": float(stays.min() - moved.min()),
    }


def _formed(layers: Layered, parts: Parts) -> dict[str, Any]:
    """Chips that are not sold in the reference's form of rack."""
    table = layers.table
    own = form_of(parts.get("rack", table.choices[layers.reference.choice].system))
    in_form = np.array([form_of(parts.get("rack", choice.system)) == own for choice in table.choices])
    packages = np.array([package_of(parts.get("chip", choice.chip)) for choice in table.choices])
    other = sorted(set(packages.tolist()) - set(packages[in_form].tolist()))
    return {
        "between": "chip+rack",
        "what": f"chips that are not sold as {own[1]} cooled by {own[0]}",
        "options": other,
        "locked": _locked(layers, allowed(layers, ("chip",)), in_form),
    }


def _wired(layers: Layered) -> dict[str, Any]:
    """Systems that do not take the reference's fabric."""
    table = layers.table
    fabric = table.choices[layers.reference.choice].fabric
    takes = {choice.system for choice in table.choices if choice.fabric == fabric}
    able = np.array([choice.system in takes for choice in table.choices])
    return {
        "between": "rack+network",
        "what": f"systems that do not take {fabric}",
        "options": sorted({choice.system for choice in table.choices} - takes),
        "locked": _locked(layers, allowed(layers, ("chip", "rack")), able),
    }


def _locked(layers: Layered, free: np.ndarray, able: np.ndarray) -> float:
    plant = layers.reference[1:]
    best, held = (layers.score[(np.flatnonzero(mask), *plant)].min() for mask in (free, free & able))
    return float(held - best)
