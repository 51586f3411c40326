"""Adequacy: whether what is firm behind and at the meter carries all that is installed, with one machine lost.

Hours are means; a fleet can draw more for minutes. What has to stand by for that is a matter of capacity and not of
energy: firm connection, plants with fuel, storage by its power, and load that stops. Weather counts for nothing.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import Ratio, Watts


def carried_power(*, firm: Watts, nonfirm: Watts, own: Watts, lost: Watts, pausable: Ratio) -> Watts:
    """The most that everything installed may draw at once.

    `own` is firm capacity behind the meter, of which the largest machine, `lost`, is out. In curtailed hours the
    non-firm connection is missing, and the pausable share of the load stops.
    Source: N-1 criterion (NERC TPL-001-5) with capacity credits of one for firm plants and none for weather.
    """
    xp = namespace(firm, nonfirm, own, lost, pausable)
    standing = firm + xp.maximum(own - lost, 0.0 * own)
    return xp.minimum(standing / (1.0 - pausable), standing + nonfirm)


def needed_capacity(*, peak: Watts, firm: Watts, nonfirm: Watts, lost: Watts, pausable: Ratio) -> Watts:
    """Firm capacity behind the meter that a peak asks for, the largest machine included; none where the meter does.

    Source: `carried_power`, inverted.
    """
    xp = namespace(peak, firm, nonfirm, lost, pausable)
    missing = xp.maximum(peak * (1.0 - pausable) - firm, peak - firm - nonfirm)
    return xp.where(missing > 0.0 * missing, missing + lost, 0.0 * missing)
