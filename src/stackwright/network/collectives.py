"""Times of collectives: latency, bandwidth, and the split between a scale-up domain and the fabric.

A group of ranks fills scale-up domains of `domain` ranks first and spans as many as it needs. Inside,
messages run over the scale-up links; between, over each chip's own port of the fabric.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Bytes, BytesPerSecond, Count, Ratio, Seconds


def ring_share(*, ranks: Count) -> Ratio:
    """Bytes that one rank sends in one pass of a ring, over the whole buffer. Source: definition."""
    return (ranks - 1.0) / ranks


def pass_time(
    *, size: Bytes, ranks: Count, bandwidth: BytesPerSecond, latency: Seconds, hop_latency: Seconds
) -> Seconds:
    """All-gather or reduce-scatter of a buffer of `size` in all, over one kind of link.

    Nothing for one rank. Source: ring algorithm, Thakur et al. 2005, section 4.
    """
    xp = namespace(size, ranks, bandwidth)
    time = latency + hop_latency * (ranks - 1.0) + size * ring_share(ranks=ranks) / bandwidth
    return xp.where(ranks > 1, time, 0.0 * time)


def all_reduce_time(
    *,
    size: Bytes,
    ranks: Count,
    bandwidth: BytesPerSecond,
    latency: Seconds,
    hop_latency: Seconds,
    reduction: Ratio = 1.0,
) -> Seconds:
    """All-reduce of `size` bytes per rank over one kind of link: the best of three algorithms.

    A ring (two passes), a tree (few hops, both directions of the whole buffer), and one shot (every
    rank reads all others). `reduction` is the ring's speed-up where switches reduce on the way.
    Nothing for one rank.
    Source: Thakur et al. 2005, section 4; Sanders et al. 2009 (two-tree).
    """
    xp = namespace(size, ranks, bandwidth)
    ring = hop_latency * (ranks - 1.0) + 2.0 * size * ring_share(ranks=ranks) / (bandwidth * reduction)
    tree = 2.0 * hop_latency * xp.ceil(xp.log2(ranks)) + 2.0 * size / bandwidth
    shot = hop_latency + size * (ranks - 1.0) / bandwidth
    time = latency + xp.minimum(ring, xp.minimum(tree, shot))
    return xp.where(ranks > 1, time, 0.0 * time)


def torus_factor(*, ranks: Count, dimensions: Count) -> Ratio:
    """Mean hops of a message between random chips of a torus: what all-to-all loses to a switch.

    A ring of n chips in each dimension has n/4 hops on average, both directions used. At least one.
    Source: Dally and Towles 2004, chapter 5.
    """
    xp = namespace(ranks, dimensions)
    return xp.maximum(dimensions * ranks ** (1.0 / dimensions) / 4.0, 1.0)


def torus_share(*, ranks: Count, dimensions: Count) -> Ratio:
    """Share of a chip's torus links that a group uses: one link per doubling until all are used.

    Two chips share one link; 2 x 2 x 1 use two of six; 4 x 4 x 4 all six.
    Source: definition (compact slices of a torus).
    """
    xp = namespace(ranks, dimensions)
    return xp.minimum(xp.log2(xp.maximum(ranks, 2.0)) / (2.0 * dimensions), 1.0)


def distinct_targets(*, choices: Count, targets: Count) -> Count:
    """Expected distinct targets of `choices` independent even draws. Source: definition."""
    return targets * (1.0 - (1.0 - 1.0 / targets) ** choices)


@spec
class Wires:
    """The links of one chip, effective: what a collective of any group of ranks meets."""

    domain: Count
    """Ranks of a scale-up domain."""
    scale_up_bandwidth: BytesPerSecond
    """Per chip, one direction."""
    scale_up_latency: Seconds
    scale_up_hop_latency: Seconds
    scale_up_efficiency: Ratio
    fabric_bandwidth: BytesPerSecond
    """Per chip, one direction."""
    fabric_latency: Seconds
    fabric_hop_latency: Seconds
    fabric_efficiency: Ratio
    oversubscription: Ratio = 1.0
    """Edge bandwidth over spine bandwidth of the fabric; 1 is non-blocking."""
    in_network_reduction: Ratio | None = None
    torus_dimensions: Count | None = None

    def all_reduce(self, size: Bytes, ranks: Count) -> Seconds:
        """Sum of `size` bytes over all ranks: scatter inside, reduce between domains, gather inside, pipelined."""
        inside, groups = self._split(ranks)
        xp = namespace(size, ranks, self.domain)
        local = all_reduce_time(
            size=size,
            ranks=inside,
            bandwidth=self._inner(inside),
            latency=self.scale_up_latency,
            hop_latency=self.scale_up_hop_latency,
            reduction=1.0 if self.in_network_reduction is None else self.in_network_reduction,
        )
        between = all_reduce_time(
            size=size / inside,
            ranks=groups,
            bandwidth=self._outer,
            latency=self.fabric_latency,
            hop_latency=self.fabric_hop_latency,
        )
        return xp.where(groups > 1, xp.maximum(2.0 * self._inner_pass(size, inside), between), local)

    def all_gather(self, size: Bytes, ranks: Count) -> Seconds:
        """Gather of a buffer that is `size` bytes in all: between domains first, then inside."""
        inside, groups = self._split(ranks)
        between = pass_time(
            size=size / inside,
            ranks=groups,
            bandwidth=self._outer,
            latency=self.fabric_latency,
            hop_latency=self.fabric_hop_latency,
        )
        return between + self._inner_pass(size, inside)

    def reduce_scatter(self, size: Bytes, ranks: Count) -> Seconds:
        """Sum of a buffer of `size` bytes per rank of which each keeps its share."""
        return self.all_gather(size, ranks)

    def all_to_all(self, size: Bytes, ranks: Count) -> Seconds:
        """Exchange in which each rank sends `size` bytes in all, evenly to every rank."""
        inside, _ = self._split(ranks)
        near = size * (inside - 1.0) / ranks
        return self._both(near, size * (ranks - inside) / ranks, ranks)

    def expert_exchange(self, size: Bytes, active: Count, ranks: Count) -> Seconds:
        """Dispatch (or combine) of a rank's tokens to the ranks of their experts.

        `size` is one copy of the rank's tokens. A token is sent once to each distinct domain that it
        needs, and there once to each distinct rank.
        """
        inside, groups = self._split(ranks)
        domains = distinct_targets(choices=active, targets=groups)
        far = size * domains * (groups - 1.0) / groups
        near = size * distinct_targets(choices=active, targets=ranks) * (inside - 1.0) / inside
        return self._both(near, far, ranks)

    def point_to_point(self, size: Bytes, ranks: Count) -> Seconds:
        """A message to the next of `ranks` ranks: over the fabric where they span domains."""
        xp = namespace(size, ranks, self.domain)
        near = self.scale_up_latency + size / self._inner(2.0)
        return xp.where(ranks > self.domain, self.fabric_latency + size / self._outer, near)

    def _split(self, ranks: Count) -> tuple[Count, Count]:
        xp = namespace(ranks, self.domain)
        inside = xp.minimum(ranks, self.domain)
        return inside, ranks / inside

    def _both(self, near: Bytes, far: Bytes, ranks: Count) -> Seconds:
        """Exchanges over both kinds of link at once; the slower one decides."""
        inside, groups = self._split(ranks)
        xp = namespace(near, far, ranks)
        detour = 1.0 if self.torus_dimensions is None else torus_factor(ranks=inside, dimensions=self.torus_dimensions)
        hops = self.scale_up_hop_latency * xp.log2(xp.maximum(inside, 1.0))
        local = self.scale_up_latency + hops + near * detour / self._inner(inside)
        local = xp.where(inside > 1, local, 0.0 * local)
        between = self.fabric_latency + self.fabric_hop_latency * xp.log2(xp.maximum(groups, 1.0)) + far / self._outer
        return xp.maximum(local, xp.where(groups > 1, between, 0.0 * between))

    def _inner_pass(self, size: Bytes, ranks: Count) -> Seconds:
        return pass_time(
            size=size,
            ranks=ranks,
            bandwidth=self._inner(ranks),
            latency=self.scale_up_latency,
            hop_latency=self.scale_up_hop_latency,
        )

    def _inner(self, ranks: Count) -> BytesPerSecond:
        share = 1.0 if self.torus_dimensions is None else torus_share(ranks=ranks, dimensions=self.torus_dimensions)
        return self.scale_up_bandwidth * self.scale_up_efficiency * share

    @property
    def _outer(self) -> BytesPerSecond:
        return self.fabric_bandwidth * self.fabric_efficiency / self.oversubscription
