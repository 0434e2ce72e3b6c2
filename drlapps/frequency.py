"""Policies that decide less often than the environment moves.

A controller may be too slow, or its sensor too far away, to decide at every step. What does it lose
if it decides at every k-th only? An agent holds its last action in between; a method that plans
ahead replays its plan, which is the strength of model predictive control here.

Patel & Siegelmann 2025, "Overcoming slow decision frequencies in continuous control: model-based
sequence reinforcement learning for model-free control", ICLR, arXiv:2410.08979, judge a policy by
its frequency-averaged score; here it is the mean over the intervals that were asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace

from drlapps.errors import InputError
from drlapps.evaluate import Contestant
from drlapps.policy import Policy, Report
from drlapps.vector import Array, VectorEnvironment

Lookahead = Callable[[VectorEnvironment, Array, int], Array]


class Held(Policy):
    """A policy that sees the environment, and decides, at every k-th step of an episode only.

    All rows decide at the same steps, the first of them step 0. In between, a policy with
    ``plan(env, observations, steps)`` replays what it planned at the last decision; a plan that
    is shorter than the interval ends in its last action, held. Any other policy holds the last
    action. A solver replays its one plan and loses nothing.

    Args:
        policy: who decides.
        every: steps from one decision to the next.
        replay: whether a policy that plans ahead replays its plan; else it holds its action too.

    Raises:
        InputError: ``every`` is not positive.
    """

    def __init__(self, policy: Policy, every: int, replay: bool = True) -> None:
        if every < 1:
            raise InputError(f"a policy decides every 1, 2, 3 ... steps, not every {every}")
        self.policy, self.every = policy, every
        self.environment, self.samples = policy.environment, policy.samples
        self._lookahead = _lookahead(policy) if replay else None

    def check(self, env: VectorEnvironment) -> None:
        """Refuse an environment that may not admit an action twice.

        Raises:
            InputError: it masks actions, and the policy plans none ahead.
        """
        if self.every > 1 and self._lookahead is None and hasattr(env, "action_masks"):
            raise InputError(
                "what the environment admits changes from step to step, so that no action can be "
                "held there; only plans of solvers can be replayed"
            )

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Start an episode of the policy, which decides at its first step.

        Raises:
            InputError: an action would have to be held that may not be admitted twice.
        """
        self.check(env)
        self.policy.reset(env, seed)
        self._step = 0

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the policy's decision, or what follows from its last one."""
        since = self._step % self.every
        if since == 0:
            self._actions = self._decide(env, observations)
        self._step += 1
        action: Array = self._actions[min(since, len(self._actions) - 1)]
        return action

    def _decide(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions until the next decision, as far as the policy knows them."""
        if self._lookahead is None or self.every == 1:
            return self.policy.act(env, observations)[None]
        return self._lookahead(env, observations, self.every)

    def report(self, row: int) -> Report:
        """Return what the policy says of the row's episode."""
        return self.policy.report(row)


def _lookahead(policy: Policy) -> Lookahead | None:
    """Return the method by which a policy plans its next steps, if it has one."""
    found: Lookahead | None = getattr(policy, "plan", None)
    # A method of that name may plan something else, such as the levels of a whole problem.
    return found if found and "steps" in inspect.signature(found).parameters else None


def deciding(contestant: Contestant, every: int) -> Contestant:
    """Return the contestant with all its policies deciding at every k-th step only."""
    if every == 1:
        return contestant
    held = {seed: Held(policy, every) for seed, policy in contestant.policies.items()}
    return replace(contestant, policies=held)
