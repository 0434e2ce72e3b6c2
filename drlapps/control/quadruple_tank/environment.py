"""The environment of the four tanks."""

from __future__ import annotations

from drlapps.control.process.environment import LinearEnv


class QuadrupleTankEnv(LinearEnv):
    """Bring four coupled tanks to wanted levels without overflow.

    ## Description

    The linear plant of Lu et al. (2024); see :mod:`drlapps.control.quadruple_tank`. In a step the
    controller sees the levels and the wanted ones, sets the voltages of two pumps, and the levels
    move.

    ## Observation Space

    ``Box(-10, 10, (8,), float32)``: the four measured levels, then the four wanted ones, so that
    the limits 0 and 20 cm are at -1 and 1. A plant of one's own has its own states and, if it has
    references, these.

    ## Action Space

    ``Box(-1, 1, (2,), float32)``: voltages of the pumps from their least, 0 V, to their largest,
    8 V.

    ## Rewards

    The negative cost of the step, ``|x' - r|^2 + 0.1 |u|^2``, over 100; less ``penalty`` if a level
    is beyond a limit after it.

    ## Starting State

    Levels drawn evenly from [0, 16] cm.

    ## Episode End

    Truncated after 100 steps; with ``stop_at_violation`` terminated when a level leaves its limits,
    as is published. Then a step costs less on average the sooner an episode fails.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where episodes come from.
    - ``penalty``: taken off the reward in every step after which a level is beyond a limit.
    - ``stop_at_violation``: whether that ends the episode.
    - ``horizon``: steps that the baseline ``mpc`` looks ahead, 16 by default, unless its own option
      says otherwise.
    - ``delay``: steps after which an input takes effect; until then the first one does.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation.

    ## Metrics

    - ``cost_per_step``: cost of the steps over their number; lower is better.
    - ``violating_episodes``: 1 where a level was beyond a limit after any step, else 0; its mean
      over a pool is the share of such episodes.
    - ``violated_steps``: share of the steps after which a level was beyond a limit.
    - ``largest_violation``: largest excess as a share of the range between the limits.
    - ``penalised_cost``: cost, and 1e5 if a limit was broken, over the number of steps, as
      published.
    - ``cost``: of all steps.
    - ``steps``: of the episode.
    - ``feasible``: 1: voltages keep their limits by construction, and levels that do not are
      counted above, so that means stay means over all episodes.

    ## References

    - Johansson 2000, "The quadruple-tank process", IEEE Transactions on Control Systems Technology
      8(3).
    - Lu et al. 2024, "MPC-inspired reinforcement learning for verifiable model-free control",
      arXiv:2312.05332.

    ## Version History

    - v0: first release.
    """
