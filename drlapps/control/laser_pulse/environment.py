"""Laser pulse compression as a Markov decision process, batched.

What a policy reads of a :class:`LaserPulseEnv` ``env`` beside the observations; it must change none
of it. ``B`` rows:

* ``env.psi`` (B, 3): settings of the stretcher (GDD, TOD, FOD), each within [0, 1];
  ``env.move_limit``: the largest change of a setting in one step.
* ``env.measured`` (B, 4): share of the transform limit, width and duration in ps, skewness of the
  present pulse, as measured; ``env.step_index`` (B,) and ``env.steps``: pulses fired since the
  first one, and how many there will be.
* ``env.instances[row]``: the :class:`.laser.Laser`: for the clairvoyant alone.
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.control.laser_pulse import frog
from drlapps.control.laser_pulse.laser import SAFE_FWHM_PS, Laser
from drlapps.control.laser_pulse.pulse import evaluate_with_fields
from drlapps.errors import InputError, unknown
from drlapps.vector import Array, Pool, VectorEnvironment

OBSERVATIONS = ("vector", "image")
REWARDS = ("asymptotic", "share", "gain")

FEATURES = 7
"""Numbers that describe a pulse and its settings in an observation."""

MOVE_LIMIT = 0.1
"""Largest change of a setting in one step, for the machine's safety."""

MOST_STEPS, MOST_HISTORY = 1000, 20

_PAST_SCALES = (5.0, 1.0, 1.0)
"""Factors of past shares, widths and durations, less the present ones, in observations."""

_ASYMPTOTE, _MOST_REWARD = 0.1, 7.0
_UNSAFE_PENALTY = 20.0
"""Of the published reward."""


class LaserPulseEnv(VectorEnvironment):
    """Set the stretcher of a laser one does not know so that its pulses are short and high.

    ## Description

    The problem of Capuano et al. (2023); see :mod:`drlapps.control.laser_pulse`. An episode is a
    number of pulses. Each step moves the three settings of the stretcher, then fires a pulse and
    measures it. The laser's B-integral and the dispersion of its compressor are hidden; where a
    shift is declared, the B-integral moves while the episode lasts.

    ## Observation Space

    ``Box(-10, 10, (7 (1 + history),), float32)``. Of the present pulse:

    | Index | Value | how a laboratory measures it |
    |---|---|---|
    | 0-2 | settings, from -1 to 1 | set by oneself |
    | 3 | twice the share of the transform limit, less one | peak power from energy and trace |
    | 4 | natural logarithm of the full width at half maximum in ps | cross-correlation |
    | 5 | the same of the standard deviation of time under the squared intensity | likewise |
    | 6 | skewness of time under the squared intensity, halved | third-order cross-correlation |

    The same seven follow of each pulse before it, the latest first, zeros where there was none:
    settings less the present ones, in steps of ``move_limit``; ten times the share, logarithm of
    width and logarithm of duration, each less the present one; skewness, halved.

    The spectrum's moments are left out: no setting changes the spectrum. So is the spectral phase;
    whoever can measure it need not search.

    With ``observation = "image"`` it is ``Box(0, 255, (1, 64, 64), uint8)``: the second-harmonic
    FROG trace of the present pulse, from its complex field: delays down, frequencies across, the
    brightest point 255. It holds neither settings nor intensity.

    ## Action Space

    ``Box(-1, 1, (3,), float32)``: changes of the settings of GDD, TOD and FOD, in tenths of
    their range. Settings stay within [0, 1].

    ## Rewards

    With ``x`` the true share of the transform limit after the step:

    - ``share``: ``x``.
    - ``gain``: ten times the increase of ``x``.
    - ``asymptotic``: as published, ``min(0.1 / (1 - x) - 0.1, 7) + 0.04 - 0.1 FWHM / ps``.

    With ``stop_unsafe``, a pulse that ends the episode costs 20 in the ``asymptotic`` reward, 1 in
    the others.

    ## Starting State

    The settings that the laser says, in all pools but ``toy`` the phase conjugate of the published
    compressor, and a first pulse.

    ## Episode End

    Truncated after ``steps`` steps; with ``stop_unsafe``, terminated by a pulse of 20 ps or longer.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where lasers come from.
    - ``steps``: pulses after the first one.
    - ``history``: pulses before the present one that the observation holds.
    - ``observation``: ``vector`` or ``image``.
    - ``reward``: ``share``, ``gain`` or ``asymptotic``.
    - ``stop_unsafe``: whether an unsafe pulse ends the episode.
    - ``move_limit``: largest change of a setting in one step.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
      the path that a solution consists of.

    ## Metrics

    - ``intensity_share``: peak intensity of the last pulse as a share of the transform limit's;
      higher is better. Noise does not touch it.
    - ``best_share``: the same of the best pulse of the episode.
    - ``fwhm_ps``: time from the first to the last moment at which the last pulse has half of its
      peak intensity.
    - ``evaluations``: pulses fired, the first one included.
    - ``unsafe_steps``: pulses of 20 ps or longer among them.
    - ``feasible``: 1: all settings are kept within their bounds.

    ## References

    - Capuano, Peceli, Tiboni, Camoriano & Rus 2023, "TempoRL: laser pulse temporal shape
      optimization with deep reinforcement learning", arXiv:2304.12187.
    - Trebino et al. 1997, "Measuring ultrashort laser pulses in the time-frequency domain using
      frequency-resolved optical gating", Review of Scientific Instruments 68(9).

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "step_index", "psi", "compressor", "b_course", "luck", "share", "fwhm_ps", "measured",
        "features", "best_share", "unsafe", "trace", "path", "shares",
    )  # fmt: skip

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        steps: int = 20,
        history: int = 3,
        observation: str = "vector",
        reward: str = "share",
        stop_unsafe: bool = False,
        move_limit: float = MOVE_LIMIT,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if observation not in OBSERVATIONS:
            raise unknown("observation", str(observation), OBSERVATIONS)
        if reward not in REWARDS:
            raise unknown("reward", str(reward), REWARDS)
        self.steps = _whole("steps", steps, 1, MOST_STEPS)
        self.history = _whole("history", history, 0, MOST_HISTORY)
        if isinstance(move_limit, bool) or not 0.0 < move_limit <= 1.0:
            raise InputError(f"move_limit must be a number above 0, at most 1, not {move_limit!r}")
        self.observation, self.reward = observation, reward
        self.stop_unsafe, self.move_limit = bool(stop_unsafe), float(move_limit)
        image = observation == "image"
        kept = self.steps + 1 if autoreset_mode is AutoresetMode.DISABLED else 0
        self.step_index = np.zeros(num_envs, np.int64)
        self.psi = np.full((num_envs, 3), 0.5)
        self.compressor = np.zeros((num_envs, 3))
        self.b_course = np.zeros((num_envs, self.steps + 1))
        self.luck = np.ones((num_envs, self.steps + 1, 4))
        self.share = np.zeros(num_envs)
        self.fwhm_ps = np.zeros(num_envs)
        self.measured = np.ones((num_envs, 4))
        self.features = np.zeros((num_envs, 1 + self.history, FEATURES))
        self.best_share = np.zeros(num_envs)
        self.unsafe = np.zeros(num_envs, np.int64)
        self.trace = np.zeros((num_envs, 1, frog.SIZE, frog.SIZE) if image else (0,), np.uint8)
        self.path = np.zeros((num_envs, kept, 3))
        self.shares = np.zeros((num_envs, kept))
        self._unfired = np.zeros(num_envs, np.bool_)
        self._scales = np.array([*[0.5 / self.move_limit] * 3, *_PAST_SCALES])
        observed = (
            gymnasium.spaces.Box(0, 255, (1, frog.SIZE, frog.SIZE), np.uint8)
            if image
            else gymnasium.spaces.Box(-10.0, 10.0, (FEATURES * (1 + self.history),), np.float32)
        )
        self._set_spaces(observed, gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32))
        # Compile the kernels now: what is timed later should not pay for it.
        evaluate_with_fields(self.psi[:1], self.share[:1], self.compressor[:1], keep=image)

    def _load(self, row: int, instance: Laser, rng: np.random.Generator) -> None:
        self.step_index[row] = 0
        self.psi[row] = instance.start
        self.compressor[row] = instance.compressor
        self.b_course[row] = instance.course(self.steps)
        self.luck[row] = instance.luck(self.steps)
        self.features[row] = 0.0
        self.best_share[row] = 0.0
        self.unsafe[row] = 0
        self.path[row] = 0.0
        self.shares[row] = 0.0
        # The first pulses of rows that start together are fired together, when they are looked at.
        self._unfired[row] = True

    def _fire(self, rows: NDArray[np.intp]) -> None:
        """Fire a pulse in each of the rows, and measure it."""
        step = self.step_index[rows]
        image = self.observation == "image"
        pulses, fields = evaluate_with_fields(
            self.psi[rows], self.b_course[rows, step], self.compressor[rows], keep=image
        )
        self.share[rows], self.fwhm_ps[rows] = pulses.share, pulses.fwhm_ps
        self.measured[rows] = np.stack(pulses, axis=1) * self.luck[rows, step]
        self.best_share[rows] = np.maximum(self.best_share[rows], pulses.share)
        self.unsafe[rows] += pulses.fwhm_ps >= SAFE_FWHM_PS
        self.features[rows, 1:] = self.features[rows, :-1]
        self.features[rows, 0] = self._described(rows)
        if image:
            self.trace[rows] = frog.images(fields)
        if self.path.shape[1]:
            self.path[rows, step], self.shares[rows, step] = self.psi[rows], pulses.share

    def _described(self, rows: NDArray[np.intp]) -> Array:
        """Return the numbers that describe the present pulses, (rows, FEATURES)."""
        share, width, duration, skewness = self.measured[rows].T
        numbers = [2.0 * share - 1.0, np.log(width), np.log(duration), 0.5 * skewness]
        described = np.concatenate([2.0 * self.psi[rows] - 1.0, np.stack(numbers, axis=1)], axis=1)
        return np.asarray(np.clip(described, -10.0, 10.0))

    def _fire_first(self) -> None:
        rows = np.flatnonzero(self._unfired)
        if len(rows):
            self._fire(rows)
            self._unfired[rows] = False

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        wanted = actions.astype(np.float64)
        if np.isnan(wanted[active]).any():
            raise ValueError("actions must be numbers, not NaN")
        rows = np.flatnonzero(active)
        before = self.share.copy()
        change = self.move_limit * np.clip(wanted[rows], -1.0, 1.0)
        self.psi[rows] = np.clip(self.psi[rows] + change, 0.0, 1.0)
        self.step_index[rows] += 1
        self._fire(rows)
        unsafe = self.fwhm_ps >= SAFE_FWHM_PS
        terminated = active & unsafe & self.stop_unsafe
        truncated = active & ~terminated & (self.step_index >= self.steps)
        return self._rewards(before, terminated), terminated, truncated

    def _rewards(self, before: Array, stopped: NDArray[np.bool_]) -> Array:
        if self.reward == "gain":
            return 10.0 * (self.share - before) - stopped
        if self.reward == "share":
            return self.share - stopped
        shy = np.maximum(1.0 - self.share, 1e-3)
        height = np.minimum(_ASYMPTOTE / shy - _ASYMPTOTE, _MOST_REWARD)
        return height + 0.04 - 0.1 * self.fwhm_ps - _UNSAFE_PENALTY * stopped

    def _observe(self) -> Array:
        self._fire_first()
        if self.observation == "image":
            return self.trace.copy()
        observed = self.features.copy()
        # What was before counts by how it differs from now.
        present, past = self.features[:, :1], observed[:, 1:]
        fired = np.arange(1, 1 + self.history) <= self.step_index[:, None]
        past[..., :6] = (past[..., :6] - present[..., :6]) * self._scales
        past[~fired] = 0.0
        return np.clip(observed.reshape(self.num_envs, -1), -10.0, 10.0).astype(np.float32)

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics of the row's last pulse and of the episode."""
        return {
            "intensity_share": float(self.share[row]),
            "best_share": float(self.best_share[row]),
            "fwhm_ps": float(self.fwhm_ps[row]),
            "evaluations": float(self.step_index[row] + 1),
            "unsafe_steps": float(self.unsafe[row]),
            "feasible": 1.0,
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return the settings of all pulses (``psi``, three each), ``shares`` and ``steps``."""
        fired = int(self.step_index[row]) + 1
        path, shares = self.path[row, :fired], self.shares[row, :fired]
        return {"psi": path.tolist(), "shares": shares.tolist(), "steps": self.steps}


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    return value
