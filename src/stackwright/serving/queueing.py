"""Waiting: from a rate, a service-time distribution and a burstiness to percentiles of latency.

Closed forms for the search; an event simulation of the scheduler checks them for finalists.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import Count, Ratio, Seconds, TokensPerRequest

NORMAL_95 = 1.6448536269514722
"""95th percentile of a standard normal."""
NORMAL_99 = 2.3263478740408408
"""99th percentile of a standard normal."""


def mean_wait(
    *, service: Seconds, service_scv: Ratio, arrival_scv: Ratio, utilization: Ratio, servers: Count
) -> Seconds:
    """Mean wait in a queue with general arrivals and service.

    At and above full utilization the wait is that of 99.9 %, which no latency target meets: the
    caller sees a violated margin, not an infinity.
    Source: Allen and Cunneen's approximation with Sakasegawa's exponent, as in Hopp and Spearman,
    Factory Physics, eq. 8.26.
    """
    xp = namespace(utilization, service, servers)
    busy = xp.minimum(xp.maximum(utilization, 1e-9), 0.999)
    crowd = busy ** ((2.0 * (servers + 1.0)) ** 0.5 - 1.0) / (servers * (1.0 - busy))
    return 0.5 * (arrival_scv + service_scv) * crowd * service


def chance_of_waiting(*, utilization: Ratio, servers: Count) -> Ratio:
    """Chance that a request finds all servers busy.

    Source: Sakasegawa's exponent read as the probability of delay (Hopp and Spearman, Factory Physics,
    section 8.6); exact for one server with Poisson arrivals.
    """
    xp = namespace(utilization, servers)
    busy = xp.minimum(xp.maximum(utilization, 1e-9), 0.999)
    return busy ** ((2.0 * (servers + 1.0)) ** 0.5 - 1.0)


def wait_quantile(*, mean: Seconds, chance: Ratio, beyond: Ratio) -> Seconds:
    """The wait that a share `beyond` of the requests exceeds: an exponential tail above the chance of no wait.

    Source: exponential tail of the GI/G/c wait (heavy traffic; Kingman 1962); exact for M/M/1.
    """
    xp = namespace(mean, chance)
    return mean / chance * xp.maximum(0.0, xp.log(chance / beyond))


def sum_quantile(*, first_mean: Seconds, first_high: Seconds, second_mean: Seconds, second_high: Seconds) -> Seconds:
    """A high percentile of a sum of two independent times from the same one of each, spreads added in squares.

    Source: variance of a sum of independent variables (definition); exact for normals.
    """
    spread = (first_high - first_mean) ** 2 + (second_high - second_mean) ** 2
    return first_mean + second_mean + spread**0.5


def cache_spread(*, sequences: Count, growth: Ratio, arrival_scv: Ratio, context_scv: Ratio) -> Ratio:
    """Standard deviation over mean of the tokens that running sequences hold, when `sequences` run in the mean.

    Sequences come with a dispersion `arrival_scv` and stay as long as rounds take, which grow with their number
    (elasticity `growth`): a crowd stays longer. Their contexts vary by `context_scv`.
    Source: peakedness of a service group with endless servers, (D + 1) / 2 of its mean (Eckberg 1983), its
    fluctuations damped by 1 - growth; variance of a random sum.
    """
    return (((arrival_scv + 1.0) / 2.0 / (1.0 - growth) + context_scv) / sequences) ** 0.5


def step_spread(*, sequences: Count, growth: Ratio, attention: Ratio, arrival_scv: Ratio, context_scv: Ratio) -> Ratio:
    """Standard deviation over mean of a decode round as its sequences change in number and context.

    `attention` is the share of the round that grows with the cached tokens; the rest as in `cache_spread`.
    Source: first-order propagation of the spread of number and contexts.
    """
    number = growth**2 * (arrival_scv + 1.0) / 2.0 / (1.0 - growth)
    return ((number + attention**2 * context_scv) / sequences) ** 0.5


def stall_spread(
    *,
    stall: Seconds,
    stall_scv: Ratio,
    stalls_per_step: Ratio,
    output: TokensPerRequest,
    token: TokensPerRequest = 1.0,
) -> Seconds:
    """Standard deviation over requests of the time that prefills add to a step, averaged over a request's life.

    A request of `output` tokens lives through a Poisson number of prefill stalls of other requests;
    the mean number is ``stalls_per_step`` times its steps.
    Source: compound Poisson variance, n E[S^2] with n = stalls in the request's life.
    """
    steps = output / token
    return (stalls_per_step * stall**2 * (1.0 + stall_scv) / steps) ** 0.5
