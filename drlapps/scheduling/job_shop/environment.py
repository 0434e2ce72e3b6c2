"""The job shop as a dispatching Markov decision process, batched."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.scheduling.job_shop import kernels
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.vector import Array, Pool, VectorEnvironment


class JobShopEnv(VectorEnvironment):
    """Docstring to come."""

    STATE: ClassVar[tuple[str, ...]] = (
        "machines", "durations", "lengths", "release", "n_machines", "next_operation",
        "job_ready", "machine_ready", "work_left", "load_left", "starts", "operations_left",
        "bound", "initial_bound", "total_work", "mask",
    )  # fmt: skip

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        delay: float = 0.0,
        skip_forced: bool = False,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if not 0.0 <= delay <= 1.0:
            raise InputError(f"delay must lie between 0 (non-delay) and 1 (active), not {delay}")
        self.delay = float(delay)
        self.skip_forced = bool(skip_forced)
        b, (n, o, m) = num_envs, _capacity(pool)
        self.machines = np.zeros((b, n, o), np.int32)
        self.durations = np.zeros((b, n, o), np.int64)
        self.lengths = np.zeros((b, n), np.int32)
        self.release = np.zeros((b, n), np.int64)
        self.n_machines = np.ones(b, np.int32)
        self.next_operation = np.zeros((b, n), np.int32)
        self.job_ready = np.zeros((b, n), np.int64)
        self.machine_ready = np.zeros((b, m), np.int64)
        self.work_left = np.zeros((b, n), np.int64)
        self.load_left = np.zeros((b, m), np.int64)
        self.starts = np.zeros((b, n, o), np.int64)
        self.operations_left = np.zeros(b, np.int64)
        self.bound = np.zeros(b, np.int64)
        self.initial_bound = np.ones(b, np.int64)
        self.total_work = np.zeros(b, np.int64)
        self.mask = np.zeros((b, n), np.bool_)
        self._set_spaces(
            gymnasium.spaces.Box(-1.0, 10.0, (n, len(kernels.FEATURES)), np.float32),
            gymnasium.spaces.Discrete(n),
        )

    def _load(self, row: int, instance: JobShop, rng: np.random.Generator) -> None:
        n, o = instance.durations.shape
        m = instance.n_machines
        if n > self.machines.shape[1] or o > self.machines.shape[2] or m > self.load_left.shape[1]:
            raise ValueError(f"{instance.name} ({n} jobs x {o}) is larger than this batch's pool")
        self.machines[row] = 0
        self.durations[row] = 0
        self.lengths[row] = 0
        self.release[row] = 0
        self.machines[row, :n, :o] = instance.machines
        self.durations[row, :n, :o] = instance.durations
        self.lengths[row, :n] = instance.lengths
        self.release[row, :n] = instance.release
        self.n_machines[row] = m
        self.next_operation[row] = 0
        self.job_ready[row] = self.release[row]
        self.machine_ready[row] = 0
        self.work_left[row] = self.durations[row].sum(axis=1)
        valid = np.arange(o) < instance.lengths[:, None]
        load = np.bincount(
            instance.machines[valid], instance.durations[valid], self.load_left.shape[1]
        )
        self.load_left[row] = load
        self.starts[row] = 0
        self.operations_left[row] = self.lengths[row].sum()
        self.total_work[row] = self.work_left[row].sum()
        self._admit(row)
        bound = kernels.lower_bound(
            row, self.machines, self.lengths, self.next_operation, self.job_ready,
            self.machine_ready, self.work_left, self.load_left,
        )  # fmt: skip
        self.bound[row] = bound
        self.initial_bound[row] = max(bound, 1)

    def _admit(self, row: int) -> None:
        kernels.admissible(
            row, self.delay, self.machines, self.durations, self.lengths, self.next_operation,
            self.job_ready, self.machine_ready, self.mask,
        )  # fmt: skip

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        rewards = np.zeros(self.num_envs, np.float32)
        terminated = ~active
        kernels.advance(
            actions, active, self.delay, self.skip_forced, self.machines, self.durations,
            self.lengths, self.next_operation, self.job_ready, self.machine_ready, self.work_left,
            self.load_left, self.starts, self.operations_left, self.bound, self.initial_bound,
            self.mask, rewards, terminated,
        )  # fmt: skip
        return rewards, terminated, np.zeros(self.num_envs, np.bool_)

    def _observe(self) -> Array:
        observations = np.empty(self.observation_space.shape, np.float32)
        kernels.observe(
            self.machines, self.durations, self.lengths, self.release, self.next_operation,
            self.job_ready, self.machine_ready, self.work_left, self.load_left,
            self.operations_left, self.bound, self.initial_bound, self.total_work,
            self.n_machines, self.mask, observations,
        )  # fmt: skip
        return observations

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which jobs may be dispatched, shape ``(num_envs, n)``."""
        masks = self.mask.copy()
        # An ended row admits anything: it ignores its action, and a policy must be able to act.
        masks[self.operations_left == 0] = True
        return masks

    def next_durations(self) -> NDArray[np.float64]:
        """Return the duration of each job's next operation (its last one if none is left)."""
        last = np.minimum(self.next_operation, np.maximum(self.lengths - 1, 0))
        return np.take_along_axis(self.durations, last[..., None], axis=2)[..., 0].astype(float)

    def metrics(self, row: int) -> dict[str, float]:
        """Return ``makespan`` and ``feasible``."""
        return {"makespan": float(self.job_ready[row].max()), "feasible": 1.0}

    def solution(self, row: int) -> dict[str, Any]:
        """Return ``{"start": [[start of each operation] of each job]}``."""
        jobs = self.instances[row].jobs
        return {
            "start": [
                self.starts[row, j, : self.lengths[row, j]].tolist() for j in range(jobs)
            ]
        }


def _capacity(pool: Pool) -> tuple[int, int, int]:
    """Return the most jobs, operations a job and machines of any instance of the pool."""
    shops = [pool.largest()] if hasattr(pool, "largest") else list(pool)
    return (
        max(shop.jobs for shop in shops),
        max(shop.durations.shape[1] for shop in shops),
        max(shop.n_machines for shop in shops),
    )
