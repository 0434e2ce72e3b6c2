"""The environment: a base station and a surface that serve users, decision by decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.comms.ris_beamforming import kernels, precoding
from drlapps.comms.ris_beamforming.block import believed_block, true_block
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.link import Link, groups
from drlapps.comms.ris_beamforming.sensing import Sensor
from drlapps.comms.ris_beamforming.surface import Complex, Real
from drlapps.errors import InputError, unknown
from drlapps.vector import Array, Pool, VectorEnvironment

if TYPE_CHECKING:
    from drlapps.comms.ris_beamforming.differentiable import Refinement

ACTIONS = ("increments", "phases", "joint")
PRECODERS = {"mmse": precoding.mmse, "zf": precoding.zf_water_filling, "wmmse": precoding.polished}
STARTS, REWARDS = ("random", "zero"), ("true", "believed")


class RisBeamformingEnv(VectorEnvironment):
    """RIS-aided downlink: precoder and phases of the surface for the highest sum rate.

    ## Description

    A base station of ``M`` antennas serves ``K`` users through a surface of ``N`` elements. In each
    coherence block the controller takes ``steps`` decisions on the estimated channels; what stands
    after the last one serves the block, and its rates are those of the true channels. The phases
    carry over to the next block.

    ## Observation Space

    With ``actions = "increments"``, ``Box(-10, 10, (N, 15 + 5 K), float32)``, a row an element.
    The controller senses the believed sum rate ``f`` of MMSE precoding (by duality, equal powers in
    the uplink), and ``q_kn``, by which the rate of user ``k`` changes with the phase of element
    ``n``: ``Re((j beta + beta') q_kn)`` bit per radian.

    | Column | Value |
    |---|---|
    | 0 | 1 (0 where a row of the batch has no such element) |
    | 1 | amplitude ``beta`` |
    | 2, 3 | sine and cosine of the phase less ``mu``, times ``1 - beta_min`` |
    | 4 | last change of the phase, in units of pi |
    | 5, 6 | derivative of ``f`` by the phase over its root mean square; the same before |
    | 7, 8 | a third of the decimal logarithm of that root mean square; the same before |
    | 9 | the same of the root mean square of ``q`` over users and elements |
    | 10 | decimal logarithm of power over noise, over 6 |
    | 11 | share of the block's decisions that is left |
    | 12 | logarithm of the noise and the estimates' error over the noise, over 6 |
    | 13 | last change of ``f``, over ``2 K`` |
    | 14 | ``f`` over ``20 K`` |
    | 15 + 5 k, 16 + 5 k | real and imaginary part of ``q_kn`` over its root mean square |
    | 17 + 5 k, 18 + 5 k | the same before the last decision |
    | 19 + 5 k | rate of user ``k`` above the users' mean, over 5 |

    With ``phases`` or ``joint`` a vector: estimated cascaded channel (real parts, imaginary parts;
    users, antennas, elements), direct channel likewise, last precoder of unit power (real,
    imaginary; antennas, users), cosines and sines of the phases, power of each user's stream and
    logarithm of the power each user received over the noise, over 6; columns 10 to 12 of above.

    ## Action Space

    ``Box(-1, 1, ..., float32)``. With ``increments``, ``(N,)``: by how much each phase changes, in
    units of pi. With ``phases``, ``(N,)``: the phases, in units of pi. In both the precoder follows
    from the believed channels. With ``joint``, ``(2 M K + 2 N,)``: the precoder (real, imaginary;
    antennas, users), which is scaled to full power, and numbers (real parts, imaginary parts) whose
    angles are the phases.

    ## Rewards

    Bit/s/Hz a user: with ``increments`` and ``phases`` the change of ``f``, after a block's last
    decision up to the true sum rate, unless ``reward = "believed"``; with ``joint`` the true sum
    rate after each decision.

    ## Starting State

    Phases at random, or zero.

    ## Episode End

    Terminated after the last decision of the last block; never truncated.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where channels come from.
    - ``actions``: ``increments``, ``phases`` or ``joint``.
    - ``steps``: decisions in a block.
    - ``precoder``: what follows from the believed channels: ``mmse`` (by duality), ``zf`` (with
      water-filling), ``wmmse``, the better of both after 50 WMMSE iterations, or ``auto``: that
      where users outnumber antennas, else ``mmse``.
    - ``start``: ``random`` or ``zero`` phases.
    - ``reward``: ``true``, or ``believed``, which spares the learner what nobody can foresee.
    - ``relaxed``: report the instance's upper bound as its sum rate; for the baseline of that name.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation.

    ## Metrics

    - ``sum_rate``: of all users on the true channels, in bit/s/Hz, the mean over the blocks; what
      pilots take off a block is lost. Higher is better.
    - ``min_user_rate``: mean over the blocks of the rate of the worst user.
    - ``jain_fairness``: Jain's index of the rates, from 1 / K (one user has all) to 1 (equal).
    - ``power``: largest transmit power of a block as a share of what is allowed.
    - ``feasible``: 1 where the power keeps its limit.

    ## References

    - Huang et al. 2020, "Reconfigurable intelligent surface assisted multiuser MISO systems
      exploiting deep reinforcement learning", IEEE JSAC 38(8).
    - Saglam et al. 2022, "Deep reinforcement learning based joint downlink beamforming and RIS
      configuration in RIS-aided MU-MISO systems under hardware impairments and imperfect CSI",
      arXiv:2211.09702.

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        *(f"believed_{name}" for name in Sensor.STATE),
        *(f"true_{name}" for name in Link.STATE),
        "exact", "stale", "block", "decision", "weight", "tally", "kept_phases", "kept_parts",
        "kept_rates", "trace", "parts_now", "received",
    )  # fmt: skip

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        actions: str = "increments",
        steps: int = 12,
        precoder: str = "auto",
        start: str = "random",
        reward: str = "true",
        relaxed: bool = False,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        for name, value, known in (
            ("actions", actions, ACTIONS),
            ("precoder", precoder, ("auto", *PRECODERS)),
            ("start", start, STARTS),
            ("reward", reward, REWARDS),
        ):
            if value not in known:
                raise unknown(name, str(value), known)
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise InputError(f"steps must be a whole number above 0, not {steps!r}")
        self.actions, self.steps, self.start, self.relaxed = actions, steps, start, relaxed
        self.precoder, self.reward = precoder, reward
        largest: Sequence[Channel]
        largest = pool if isinstance(pool, Sequence) else [cast(Channel, pool.largest())]
        users, elements, antennas, blocks = (
            max(getattr(channel.setting, name) for channel in largest)
            for name in ("users", "elements", "antennas", "blocks")
        )
        self.blocks = blocks
        self.believed = Sensor(num_envs, users, elements, antennas)
        self.truth = Link(num_envs, users, elements, antennas)
        for prefix, link in (("believed", self.believed), ("true", self.truth)):
            for name in link.STATE:
                setattr(self, f"{prefix}_{name}", getattr(link, name))
        self.exact, self.stale = np.zeros((2, num_envs), np.bool_)
        self.block, self.decision = np.zeros((2, num_envs), np.int64)
        self.weight, self.tally = np.ones(num_envs), np.zeros((num_envs, 4))
        self.kept_phases = np.zeros((num_envs, blocks, elements))
        # Checkpoints hold real numbers; the complex arrays are views of them.
        self.kept_parts = np.zeros((num_envs, blocks, antennas, users, 2))
        self.kept_precoders = self.kept_parts.view(np.complex128)[..., 0]
        self.kept_rates = np.zeros((num_envs, blocks, users))
        self.trace = np.zeros((num_envs, 0 if actions == "joint" else blocks * steps))
        self.parts_now = np.zeros((num_envs, antennas, users, 2))
        self.precoder_now = self.parts_now.view(np.complex128)[..., 0]
        self.received = np.zeros((num_envs, users))
        seen = self.believed.seen if actions == "increments" else self._vectors()
        self._set_spaces(
            gymnasium.spaces.Box(-10.0, 10.0, seen.shape[1:], np.float32),
            gymnasium.spaces.Box(
                -1.0, 1.0,
                (2 * antennas * users + 2 * elements if actions == "joint" else elements,),
                np.float32,
            ),
        )  # fmt: skip
        # Compile the kernels now: what is timed later should not pay for it.
        self.believed.sense(np.arange(1), np.ones(1))
        self.believed.move(np.arange(0), np.zeros((0, elements)))

    def _load(self, row: int, instance: Channel, rng: np.random.Generator) -> None:
        setting = instance.setting
        room = self.kept_rates.shape[2], *self.believed.phases.shape[1:], len(self.precoder_now[0])
        sizes = setting.users, setting.elements, setting.antennas
        if any(size > most for size, most in zip(sizes, room, strict=True)):
            raise ValueError(f"{instance.name} is larger than any channel of this batch")
        self.block[row] = 0
        self.tally[row] = 0.0
        phases = self.believed.phases[row]
        phases[setting.elements :] = 0.0
        random = self.start == "random"
        phases[: setting.elements] = rng.uniform(-np.pi, np.pi, setting.elements) if random else 0.0
        if self.actions != "increments":
            self.precoder_now[row] = self.received[row] = 0.0
        self._take_up(row)

    def _take_up(self, row: int) -> None:
        """Begin the row's present block; its channels are loaded with those of other rows."""
        channel = self.instances[row]
        self.decision[row] = 0
        self.weight[row] = channel.share(int(self.block[row])) / channel.setting.blocks
        self.stale[row] = True

    def _catch_up(self) -> None:
        """Load and sense what was taken up."""
        if not self.stale.any():
            return
        rows = np.flatnonzero(self.stale)
        blocks = [(self.instances[row], int(self.block[row])) for row in rows]
        self.believed.load(rows, [believed_block(*block) for block in blocks])
        self.exact[rows] = [channel.known for channel, _ in blocks]
        vague = rows[~self.exact[rows]]
        if len(vague):
            self.truth.load(vague, [true_block(*b) for b in blocks if not b[0].known])
        self.believed.sense(rows, np.ones(len(rows)))
        self.stale[rows] = False

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        rows = np.flatnonzero(active)
        wanted = actions[rows].astype(np.float64)
        if np.isnan(wanted).any():
            raise ValueError("actions must be numbers, not NaN")
        rewards = np.zeros(self.num_envs)
        self.decision[rows] += 1
        last = rows[self.decision[rows] == self.steps]
        users = self.believed.sizes[:, 0]
        if self.actions == "joint":
            self._transmit(rows, self._decoded(rows, wanted))
            rewards[rows] = self._sum_rates(rows) / users[rows]
        else:
            self._change_phases(rows, wanted)
            rewards[rows] = (self.believed.value - self.believed.before)[rows] / users[rows]
            self._transmit(last, None)
            if self.reward == "true":
                missed = self._sum_rates(last) - self.believed.value[last]
                rewards[last] += missed / users[last]
        self._count(last)
        self.block[last] += 1
        terminated = np.zeros(self.num_envs, np.bool_)
        for row in last:
            if self.block[row] < self.instances[row].setting.blocks:
                self._take_up(row)
            else:
                terminated[row] = True
        return rewards, terminated, np.zeros(self.num_envs, np.bool_)

    def _change_phases(self, rows: Array, wanted: Real) -> None:
        self.believed.move(rows, wanted, absolute=self.actions == "phases")
        self.believed.sense(rows, 1.0 - self.decision[rows] / self.steps)
        at = self.block[rows] * self.steps + self.decision[rows] - 1
        self.trace[rows, at] = self.believed.value[rows]

    def _decoded(self, rows: Array, wanted: Real) -> Complex:
        """Set the phases that joint actions ask for; return their precoders (R, M, K)."""
        shape = len(rows), *self.precoder_now.shape[1:]
        entries, elements = shape[1] * shape[2], self.believed.phases.shape[1]
        cuts = np.cumsum([entries, entries, elements])
        parts = np.split(wanted, cuts, axis=1)
        self.believed.phases[rows] = np.arctan2(parts[3], parts[2])
        self.believed.turn(rows, self.believed.phases)
        return np.asarray((parts[0] + 1j * parts[1]).reshape(shape))

    def _transmit(self, rows: Array, precoders: Complex | None) -> None:
        """Serve the users of ``rows`` and keep what came of it.

        Args:
            rows: which.
            precoders: shape (R, M, K), scaled here; where none are given they follow from the
                believed channels.
        """
        self.kept_rates[rows, self.block[rows]] = 0.0
        self.precoder_now[rows] = self.received[rows] = 0.0
        vague = rows[~self.exact[rows]]
        if len(vague):
            self.truth.turn(vague, self.believed.phases)
        for group in groups(self.believed.sizes[rows]):
            own = rows[group]
            users, elements, antennas = self.believed.sizes[own[0]]
            power = self.believed.physics[own, kernels.POWER]
            believed = self.believed.matrices(own)
            if precoders is None:
                precode = PRECODERS[self._precoder(antennas, users)]
                unit = precode(believed, 1.0, self.believed.noise[own] / power)
            else:
                unit = precoding.full_power(precoders[group][:, :antennas, :users], 1.0)
            exact = self.exact[own, None, None]
            matrix = np.where(exact, believed, self.truth.matrix[own, :users, :antennas])
            noise = self.believed.physics[own, kernels.NOISE] / power
            block = self.block[own]
            self.kept_phases[own, block, :elements] = self.believed.shown[own, :elements]
            self.kept_rates[own, block, :users] = precoding.user_rates(matrix, unit, noise)
            self.precoder_now[own, :antennas, :users] = unit
            scale = np.sqrt(power)[:, None, None]
            self.kept_precoders[own, block, :antennas, :users] = scale * unit
            heard = (np.abs(matrix @ unit) ** 2).sum(axis=2)
            self.received[own, :users] = np.log10(1.0 + heard / noise[:, None]) / 6.0

    def _precoder(self, antennas: int, users: int) -> str:
        if self.precoder != "auto":
            return self.precoder
        return "wmmse" if users > antennas else "mmse"

    def _sum_rates(self, rows: Array) -> Real:
        return np.asarray(self.kept_rates[rows, self.block[rows]].sum(axis=1))

    def _count(self, rows: Array) -> None:
        """Add the blocks that end to the metrics."""
        rates = self.kept_rates[rows, self.block[rows]]
        users = self.believed.sizes[rows, 0]
        own = np.arange(rates.shape[1]) < users[:, None]
        total, squares = rates.sum(axis=1), users * (rates**2).sum(axis=1)
        fairness = np.divide(total**2, squares, out=np.ones_like(total), where=squares > 0.0)
        weight = self.weight[rows]
        blocks = np.array([self.instances[row].setting.blocks for row in rows])
        self.tally[rows, 0] += weight * total
        self.tally[rows, 1] += weight * rates.min(axis=1, initial=np.inf, where=own)
        self.tally[rows, 2] += fairness / np.maximum(blocks, 1)
        used = (np.abs(self.precoder_now[rows]) ** 2).sum(axis=(1, 2))
        self.tally[rows, 3] = np.maximum(self.tally[rows, 3], used)

    def _observe(self) -> Array:
        self._catch_up()
        if self.actions == "increments":
            return self.believed.seen.copy()
        return np.clip(self._vectors(), -10.0, 10.0).astype(np.float32)

    def _vectors(self) -> Real:
        believed, rows = self.believed, self.num_envs
        precoder = self.precoder_now
        parts = (
            believed.cascaded, believed.direct, precoder.real, precoder.imag,
            np.cos(believed.phases), np.sin(believed.phases), (np.abs(precoder) ** 2).sum(axis=1),
            self.received, believed.seen[:, 0, 10:13],
        )  # fmt: skip
        return np.concatenate([part.reshape(rows, -1) for part in parts], axis=1)

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics listed above."""
        sum_rate, min_user_rate, fairness, power = self.tally[row].tolist()
        return {
            "sum_rate": self.instances[row].bound if self.relaxed else sum_rate,
            "min_user_rate": min_user_rate,
            "jain_fairness": fairness,
            "power": power,
            "feasible": float(power <= 1.0 + 1e-9),
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return phases (radians), precoder and rates of each block, and the course of ``f``."""
        setting = self.instances[row].setting
        shape = np.s_[: setting.antennas, : setting.users]
        blocks = [
            {
                "phases": self.kept_phases[row, block, : setting.elements].tolist(),
                "precoder": {
                    "re": precoder[shape].real.tolist(),
                    "im": precoder[shape].imag.tolist(),
                },
                "user_rates": self.kept_rates[row, block, : setting.users].tolist(),
            }
            for block, precoder in enumerate(self.kept_precoders[row, : setting.blocks])
        ]
        trace = self.trace[row, : setting.blocks * self.steps].tolist()
        return {
            "setting": setting.label, "relaxed": self.relaxed, "blocks": blocks, "trace": trace,
        }  # fmt: skip

    def differentiable(self) -> Refinement:
        """Return the same dynamics on tensors, to learn through (see :mod:`.differentiable`).

        Raises:
            InputError: actions are not increments, or the precoder is not the closed form.
        """
        from drlapps.comms.ris_beamforming.differentiable import Refinement

        antennas, users = self.precoder_now.shape[1:]
        precoder = self._precoder(antennas, users)
        if (self.actions, precoder, self.reward) != ("increments", "mmse", "true"):
            raise InputError("only increments, true rewards and precoder mmse are differentiable")
        elements = self.believed.phases.shape[1]
        return Refinement(users, elements, antennas, self.blocks, self.steps, self.start)
