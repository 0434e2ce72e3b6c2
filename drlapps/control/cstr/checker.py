"""An independent check of an episode of the reactor, from nothing but it and the inputs.

The balances of the reactor are written down again, with the volumes and heats they are made of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from drlapps.control.cstr.reactor import HOTTEST, SUBSTEPS, Reactor
from drlapps.control.process.checker import State, Step, judge
from drlapps.control.process.instances import Episode


def check(instance: Episode, solution: Mapping[str, object]) -> dict[str, float]:
    """Recompute the metrics of an episode.

    Args:
        instance: the episode.
        solution: under ``inputs`` a list of the jacket's temperature in each step.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if inputs break a rule (see
        :func:`drlapps.control.process.checker.check`).
    """
    return judge(instance, solution, step_of(instance))


def step_of(instance: Episode) -> Step:
    """Return the function that moves the true reactor by a step."""
    reactor = instance.truth
    assert isinstance(reactor, Reactor)

    def balances(state: State, jacket: float) -> State:
        """Return the derivatives by balances of substance and heat."""
        concentration, temperature = state
        heat = math.exp(reactor.activation / min(temperature, HOTTEST))
        turned = concentration * reactor.rate / heat
        gained = reactor.exchange * (reactor.feed - concentration) - turned
        warmed = reactor.exchange * (reactor.warmth - temperature) + reactor.heating * turned
        return [gained, warmed - reactor.cooling * (temperature - jacket)]

    def step(state: State, inputs: Sequence[float]) -> State:
        (jacket,), h = inputs, reactor.interval / SUBSTEPS
        for _ in range(SUBSTEPS):
            slopes = [balances(state, jacket)]
            for part in (0.5, 0.5, 1.0):
                shifted = [x + part * h * v for x, v in zip(state, slopes[-1], strict=True)]
                slopes.append(balances(shifted, jacket))
            weighted = zip(state, *slopes, strict=True)
            state = [x + h * (a + 2 * b + 2 * c + d) / 6 for x, a, b, c, d in weighted]
        return state

    return step
