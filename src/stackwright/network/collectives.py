"""Times of collectives: latency, bandwidth, and the split between a scale-up domain and the fabric.

A group of ranks fills scale-up domains of `domain` ranks first and spans as many as it needs. Inside,
messages run over the scale-up links; between, over each chip's own port of the fabric, and over its
spine only where they leave a leaf switch.
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


def ring_time(*, size: Bytes, ranks: Count, bandwidth: BytesPerSecond, hop_latency: Seconds) -> Seconds:
    """All-reduce in two passes around a ring, pipelined: each rank delays it once.

    Source: Thakur et al. 2005, section 4 (ring).
    """
    return hop_latency * (ranks - 1.0) + 2.0 * size * ring_share(ranks=ranks) / bandwidth


def tree_time(*, size: Bytes, ranks: Count, bandwidth: BytesPerSecond, hop_latency: Seconds) -> Seconds:
    """All-reduce up and down two binary trees, each of half of the buffer: few hops, all of the buffer both ways.

    Source: Sanders et al. 2009 (two-tree).
    """
    xp = namespace(size, ranks, bandwidth)
    return 2.0 * hop_latency * xp.ceil(xp.log2(ranks)) + 2.0 * size / bandwidth


def one_shot_time(
    *, size: Bytes, ranks: Count, bandwidth: BytesPerSecond, hop_latency: Seconds, detour: Ratio = 1.0
) -> Seconds:
    """All-reduce in one step: every rank reads the buffers of all others and adds them up itself.

    `detour` is the mean number of links of a path between ranks: 1 with switches or a full mesh.
    Source: custom all-reduce of TensorRT-LLM and vLLM (one-shot kernel).
    """
    return detour * (hop_latency + size * (ranks - 1.0) / bandwidth)


def two_shot_time(
    *, size: Bytes, ranks: Count, bandwidth: BytesPerSecond, hop_latency: Seconds, detour: Ratio = 1.0
) -> Seconds:
    """All-reduce in two steps: every rank adds up its share of all buffers, then reads the others' sums.

    Traffic of a ring in two hops, where every pair of ranks has a path; `detour` as in `one_shot_time`.
    Source: custom all-reduce of TensorRT-LLM and vLLM (two-shot kernel); Thakur et al. 2005, section 4
    (reduce-scatter, then all-gather).
    """
    return detour * (2.0 * hop_latency + 2.0 * size * ring_share(ranks=ranks) / bandwidth)


def reduced_time(*, size: Bytes, bandwidth: BytesPerSecond, hop_latency: Seconds, reduction: Ratio) -> Seconds:
    """All-reduce with sums formed in switches: each rank sends its buffer once and receives the sum once.

    `reduction` is the speed-up over a ring of very many ranks at the same links: at most 2, less where
    switches add more slowly than links send. A ring of n ranks is beaten by `reduction` (n - 1) / n.
    Source: Klenk et al. 2020 (reduction in the switches of a domain); Graham et al. 2020 (SHARP on InfiniBand).
    """
    return 2.0 * hop_latency + 2.0 * size / (bandwidth * reduction)


def all_reduce_time(
    *,
    size: Bytes,
    ranks: Count,
    bandwidth: BytesPerSecond,
    latency: Seconds,
    hop_latency: Seconds,
    reduction: Ratio = 1.0,
    detour: Ratio | None = None,
) -> Seconds:
    """All-reduce of `size` bytes per rank over one kind of link, by the best algorithm; nothing for one rank.

    Ring, two trees, sums in the switches, which never win at a `reduction` of 1, and where ranks reach each
    other's memory, by paths of `detour` links, one shot or two.
    Source: least of `ring_time`, `tree_time`, `one_shot_time`, `two_shot_time`, `reduced_time`.
    """
    xp = namespace(size, ranks, bandwidth)
    ring = ring_time(size=size, ranks=ranks, bandwidth=bandwidth, hop_latency=hop_latency)
    tree = tree_time(size=size, ranks=ranks, bandwidth=bandwidth, hop_latency=hop_latency)
    reduced = reduced_time(size=size, bandwidth=bandwidth, hop_latency=hop_latency, reduction=reduction)
    best = xp.minimum(xp.minimum(ring, tree), reduced)
    if detour is not None:
        one = one_shot_time(size=size, ranks=ranks, bandwidth=bandwidth, hop_latency=hop_latency, detour=detour)
        two = two_shot_time(size=size, ranks=ranks, bandwidth=bandwidth, hop_latency=hop_latency, detour=detour)
        best = xp.minimum(best, xp.minimum(one, two))
    time = latency + best
    return xp.where(ranks > 1, time, 0.0 * time)


def spanning_ring_time(
    *,
    size: Bytes,
    ranks: Count,
    groups: Count,
    passes: Count,
    near_bandwidth: BytesPerSecond,
    far_bandwidth: BytesPerSecond,
    near_latency: Seconds,
    far_latency: Seconds,
) -> Seconds:
    """One ring through the ranks of all `groups` domains, as libraries of collectives lay it.

    `far_bandwidth` is that of all ports by which the ring leaves a domain; the slower kind of link decides.
    Two `passes` reduce everywhere, one gathers or scatters; every step delays the ring once.
    Source: Thakur et al. 2005, section 4 (ring).
    """
    xp = namespace(size, near_bandwidth, far_bandwidth)
    steps = near_latency * (ranks - groups) + far_latency * groups
    return steps + passes * size * ring_share(ranks=ranks) / xp.minimum(near_bandwidth, far_bandwidth)


def spanning_tree_time(
    *,
    size: Bytes,
    ranks: Count,
    groups: Count,
    near_bandwidth: BytesPerSecond,
    far_bandwidth: BytesPerSecond,
    near_latency: Seconds,
    far_latency: Seconds,
) -> Seconds:
    """All-reduce along a chain inside each of `groups` domains and a binary tree between them.

    A tree's inner domains pass a buffer up and two copies of it down, so it runs at half of the bandwidth.
    Source: Sanders et al. 2009, section 2 (one tree).
    """
    xp = namespace(size, groups, near_bandwidth, far_bandwidth)
    steps = near_latency * (ranks / groups - 1.0) + 2.0 * far_latency * xp.ceil(xp.log2(groups))
    return steps + 4.0 * size / xp.minimum(near_bandwidth, far_bandwidth)


def leaf_domains(*, leaf_ports: Count, domain: Count, rails: Ratio) -> Count:
    """Domains whose chips meet at one leaf switch of the fabric, at least one.

    With rails (1) a leaf joins the chips of one rank of many domains; without (0) it joins all chips of few.
    Source: definition (rail-optimized wiring, NVIDIA DGX SuperPOD reference architecture).
    """
    xp = namespace(leaf_ports, domain, rails)
    return xp.maximum(rails * leaf_ports + (1.0 - rails) * leaf_ports / domain, 1.0)


def spine_share(*, groups: Count, together: Count) -> Ratio:
    """Share of traffic spread evenly over `groups` domains that leaves leaves joining `together` of them.

    Source: definition.
    """
    xp = namespace(groups, together)
    return xp.clip((groups - together) / xp.maximum(groups - 1.0, 1e-9), 0.0, 1.0)


def crossing_share(*, groups: Count, together: Count) -> Ratio:
    """Share of the steps between neighbors, of a ring of domains in order, that leave a leaf. Source: definition."""
    xp = namespace(groups, together)
    return xp.where(groups > together, 1.0 / together, 0.0 * together)


def thinning(*, oversubscription: Ratio, crossing: Ratio) -> Ratio:
    """Slowdown of traffic of which a share crosses an oversubscribed spine: the slower of leaf and spine.

    Source: definition (bandwidth into a leaf over bandwidth out of it).
    """
    xp = namespace(oversubscription, crossing)
    return xp.maximum(oversubscription * crossing, 1.0)


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
    """Speed-up by sums in the switches of a domain; see `reduced_time`."""
    fabric_reduction: Ratio | None = None
    """The same in the switches of the fabric."""
    torus_dimensions: Count | None = None
    leaf_ports: Count | None = None
    """Ports of a leaf switch that face chips; None: traffic between domains always crosses the spine."""
    rails: Ratio = 0.0
    """1 where a leaf joins chips of the same rank in many domains, 0 where it joins whole domains."""

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
            detour=self._detour(inside),
        )
        between = all_reduce_time(
            size=size / inside,
            ranks=groups,
            bandwidth=self._outer(self._neighbors(groups)),
            latency=self.fabric_hop_latency,
            hop_latency=self.fabric_latency,
            reduction=1.0 if self.fabric_reduction is None else self.fabric_reduction,
        )
        return xp.where(groups > 1, xp.maximum(2.0 * self._inner_pass(size, inside), between), local)

    def all_gather(self, size: Bytes, ranks: Count) -> Seconds:
        """Gather of a buffer that is `size` bytes in all: between domains first, then inside."""
        inside, groups = self._split(ranks)
        between = pass_time(
            size=size / inside,
            ranks=groups,
            bandwidth=self._outer(self._neighbors(groups)),
            latency=self.fabric_hop_latency,
            hop_latency=self.fabric_latency,
        )
        return between + self._inner_pass(size, inside)

    def reduce_scatter(self, size: Bytes, ranks: Count) -> Seconds:
        """Sum of a buffer of `size` bytes per rank of which each keeps its share."""
        return self.all_gather(size, ranks)

    def all_to_all(self, size: Bytes, ranks: Count) -> Seconds:
        """Exchange in which each rank sends `size` bytes in all, evenly to every rank.

        On rails, what is meant for another rank of another domain first goes to the chip of that rank.
        """
        inside, _ = self._split(ranks)
        far = size * (ranks - inside) / ranks
        forwarded = self.rails * far * (inside - 1.0) / inside
        return self._both(size * (inside - 1.0) / ranks + forwarded, far, ranks)

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
        _, groups = self._split(ranks)
        xp = namespace(size, ranks, self.domain)
        near = self.scale_up_latency + size / self._inner(2.0)
        far = self.fabric_latency + size / self._outer(self._neighbors(groups))
        return xp.where(ranks > self.domain, far, near)

    def _split(self, ranks: Count) -> tuple[Count, Count]:
        xp = namespace(ranks, self.domain)
        inside = xp.minimum(ranks, self.domain)
        return inside, ranks / inside

    def _both(self, near: Bytes, far: Bytes, ranks: Count) -> Seconds:
        """Exchanges over both kinds of link at once; the slower one decides."""
        inside, groups = self._split(ranks)
        xp = namespace(near, far, ranks)
        hops = self.scale_up_hop_latency * xp.log2(xp.maximum(inside, 1.0))
        local = self.scale_up_latency + hops + near * self._detour(inside) / self._inner(inside)
        local = xp.where(inside > 1, local, 0.0 * local)
        crossing = spine_share(groups=groups, together=self._together)
        hops = self.fabric_hop_latency * xp.log2(xp.maximum(groups, 1.0))
        between = self.fabric_latency + hops + far / self._outer(crossing)
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

    def _detour(self, ranks: Count) -> Ratio:
        return 1.0 if self.torus_dimensions is None else torus_factor(ranks=ranks, dimensions=self.torus_dimensions)

    def _outer(self, crossing: Ratio) -> BytesPerSecond:
        """Bandwidth between domains of traffic of which this share crosses the spine."""
        slower = thinning(oversubscription=self.oversubscription, crossing=crossing)
        return self.fabric_bandwidth * self.fabric_efficiency / slower

    def _neighbors(self, groups: Count) -> Ratio:
        return crossing_share(groups=groups, together=self._together)

    @property
    def _together(self) -> Count:
        """Domains that meet at one leaf switch."""
        if self.leaf_ports is None:
            return 1.0
        return leaf_domains(leaf_ports=self.leaf_ports, domain=self.domain, rails=self.rails)
