"""The environment of the stirred tank reactor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from drlapps.control.cstr import kernels
from drlapps.control.cstr.reactor import CONSTANTS, SUBSTEPS, Reactor
from drlapps.control.process.environment import ProcessEnv
from drlapps.control.process.plant import Process, Real

if TYPE_CHECKING:
    from drlapps.control.cstr.differentiable import ReactorModel


class CstrEnv(ProcessEnv):
    """Make the concentration in a stirred tank reactor follow its setpoints.

    ## Description

    The reactor of PC-Gym; see :mod:`drlapps.control.cstr` for equations and constants. In a step
    the controller sees concentration, temperature and setpoint, sets the jacket's temperature, and
    the reactor goes on for 26 s (26/60 min).

    ## Observation Space

    ``Box(-10, 10, (3,), float32)``: measured concentration (0.7 and 1 mol/L are at -1 and 1),
    measured temperature (300 and 350 K), and the setpoint of the concentration, scaled as that.

    ## Action Space

    ``Box(-1, 1, (1,), float32)``: the jacket's temperature from 295 to 302 K.

    ## Rewards

    The negative squared error of the concentration after the step, by the setpoint that holds then,
    times ``10^4``; less ``penalty`` if a state is beyond the limits above.

    ## Starting State

    As the episode says: 0.8 mol/L and 330 K, within 0.03 mol/L and 3 K.

    ## Episode End

    Truncated after 60 steps; with ``stop_at_violation`` terminated when a state leaves its limits.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where episodes come from.
    - ``penalty``: taken off the reward in every step after which a state is beyond a limit.
    - ``stop_at_violation``: whether that ends the episode.
    - ``horizon``: steps that the baseline ``nmpc`` looks ahead, 5 by default, unless its own option
      says otherwise.
    - ``delay``: steps after which an input takes effect; until then the first one does.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation.

    ## Metrics

    - ``cost``: ``10^3`` times the sum of the squared errors of the concentration; lower is better.
    - ``cost_per_step``: that over the number of steps.
    - ``violating_episodes``: 1 where a state was beyond a limit after any step, else 0.
    - ``violated_steps``: share of the steps after which a state was beyond a limit.
    - ``largest_violation``: largest excess as a share of the range between the limits.
    - ``penalised_cost``: cost, and 1e5 if a limit was broken, over the number of steps.
    - ``steps``: of the episode.
    - ``feasible``: 1: the jacket keeps its limits by construction; states that do not are counted.

    ## References

    - Bloor et al. 2025, "PC-Gym: benchmark environments for process control problems", Computers &
      Chemical Engineering 204.

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = (*ProcessEnv.STATE, "constants")

    def _allocate(self, n: int, m: int) -> None:
        self.constants = np.zeros((self.num_envs, len(CONSTANTS)))

    def _load_dynamics(self, row: int, truth: Process) -> None:
        assert isinstance(truth, Reactor)
        self.constants[row] = truth.constants

    def _next(self, inputs: Real, disturbances: Real, active: NDArray[np.bool_]) -> Real:
        found = np.zeros(self.lower.shape)
        state = self.path[self._rows, self.at]
        kernels.advance(self.constants, state, inputs, active, SUBSTEPS, found)
        return found + disturbances

    def differentiable(self) -> ReactorModel:
        """Return the same dynamics on tensors, to learn through.

        Raises:
            InputError: an episode may end before its time, or inputs are delayed.
        """
        from drlapps.control.cstr.differentiable import ReactorModel

        return ReactorModel(self)
