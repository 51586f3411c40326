"""Waiting: from a rate, a service-time distribution and a burstiness to percentiles of latency.

Closed forms for the search; an event simulation of the scheduler checks them for finalists.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import Count, Ratio, Seconds, TokensPerRequest

NORMAL_95 = 1.6448536269514722
"""95th percentile of a standard normal."""


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


def sum_95(*, first_mean: Seconds, first_95: Seconds, second_mean: Seconds, second_95: Seconds) -> Seconds:
    """95th percentile of a sum of two independent times, spreads added in squares.

    Source: variance of a sum of independent variables (definition); exact for normals.
    """
    spread = (first_95 - first_mean) ** 2 + (second_95 - second_mean) ** 2
    return first_mean + second_mean + spread**0.5


def token_time_95(
    *,
    step: Seconds,
    stall: Seconds,
    stall_scv: Ratio,
    stalls_per_step: Ratio,
    output: TokensPerRequest,
    token: TokensPerRequest = 1.0,
) -> Seconds:
    """95th percentile over requests of the mean time between a request's tokens.

    A request of `output` tokens lives through a Poisson number of prefill stalls of other requests;
    the mean number is ``stalls_per_step`` times its steps.
    Source: compound Poisson variance, n E[S^2] with n = stalls in the request's life.
    """
    steps = output / token
    second_moment = stall**2 * (1.0 + stall_scv)
    spread = (stalls_per_step * second_moment / steps) ** 0.5
    return step + stalls_per_step * stall + NORMAL_95 * spread
