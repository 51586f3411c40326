"""Small tables with made-up scores, for what does not depend on any equation."""

from __future__ import annotations

import numpy as np

from stackwright.codesign.layers import HARDWARE, Layered
from stackwright.codesign.table import Choice, Place, Point, Table


def made_up(seed: int, holes: float = 0.2) -> Layered:
    """Two options a layer of the hardware, some of them not to be combined, and up to three of each of the plant."""
    rng = np.random.default_rng(seed)
    codes = np.array([(m, c, r, n) for m in range(2) for c in range(2) for r in range(2) for n in range(2)])
    codes = codes[np.sort(rng.choice(len(codes), size=int(rng.integers(6, 17)), replace=False))]
    shape = (len(codes), *(int(size) for size in rng.integers(1, 4, 4)))
    score = rng.uniform(1.0, 2.0, shape)
    score[rng.random(shape) < holes] = np.inf
    reference = Point(*(int(rng.integers(size)) for size in shape))
    score[reference] = 1.9
    fits = np.ones(shape[:2], dtype=bool)
    table = Table(
        choices=tuple(
            Choice(f"m{m}", "fp8", "fp8", 0, f"s{c}{r}", None, f"c{c}", 1.0, f"f{n}", 1.0) for m, c, r, n in codes
        ),
        coolings=tuple((f"k{k}", 300.0) for k in range(shape[1])),
        places=tuple(Place(f"d{d}", "n", "ac") for d in range(shape[2])),
        portfolios=tuple(f"e{e}" for e in range(shape[3])),
        sourcings=tuple(f"w{f}" for f in range(shape[4])),
        score=score,
        fits=fits,
        may_win=np.ones((shape[0], shape[4]), dtype=bool),
    )
    by_layer = dict(zip(HARDWARE, codes.T, strict=True))
    return Layered(
        table=table,
        options={layer: (f"{layer} 0", f"{layer} 1") for layer in HARDWARE}
        | {
            "cooling": table.coolings,
            "datacenter": table.places,
            "power": table.portfolios,
            "finance": table.sourcings,
        },
        codes=by_layer,
        held={layer: values == values[reference.choice] for layer, values in by_layer.items()},
        reference=reference,
        stands_in=np.full(shape[0], reference.cooling),
    )
