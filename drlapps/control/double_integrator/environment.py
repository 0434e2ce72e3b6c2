"""The environment of the double integrator."""

from __future__ import annotations

from drlapps.control.process.environment import LinearEnv


class DoubleIntegratorEnv(LinearEnv):
    """Bring a mass to rest at the origin, within limits of position, speed and force.

    ## Description

    The linear plant of Lu et al. (2024); see :mod:`drlapps.control.double_integrator`. In a step
    the controller sees position and speed, sets the force, and the mass moves.

    ## Observation Space

    ``Box(-10, 10, (2,), float32)``: measured position and speed, with their limits at -1 and 1. A
    plant of one's own has its own states and, if it has references, these after them.

    ## Action Space

    ``Box(-1, 1, (1,), float32)``: the force from its least, -0.5, to its largest, 0.5.

    ## Rewards

    The negative cost of the step, ``|x'|^2 + 100 u^2``, over 10; less ``penalty`` if position or
    speed is beyond a limit after it.

    ## Starting State

    Drawn evenly from all states in [-4.9, 4.9] from which the mass can be stopped in time.

    ## Episode End

    Truncated after 50 steps; with ``stop_at_violation`` terminated when a state leaves its limits.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where episodes come from.
    - ``penalty``: taken off the reward in every step after which a state is beyond a limit.
    - ``stop_at_violation``: whether that ends the episode.
    - ``horizon``: steps that the baseline ``mpc`` looks ahead, 16 by default, unless its own option
      says otherwise.
    - ``delay``: steps after which an input takes effect; until then the first one does.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation.

    ## Metrics

    - ``cost_per_step``: cost of the steps over their number; lower is better.
    - ``violating_episodes``: 1 where a state was beyond a limit after any step, else 0; its mean
      over a pool is the share of such episodes.
    - ``violated_steps``: share of the steps after which a state was beyond a limit.
    - ``largest_violation``: largest excess as a share of the range between the limits.
    - ``penalised_cost``: cost, and 1e5 if a limit was broken, over the number of steps.
    - ``cost``: of all steps.
    - ``steps``: of the episode.
    - ``feasible``: 1: the force keeps its limits by construction, and states that do not are
      counted above, so that means stay means over all episodes.

    ## References

    - Lu et al. 2024, "MPC-inspired reinforcement learning for verifiable model-free control",
      arXiv:2312.05332.

    ## Version History

    - v0: first release.
    """
