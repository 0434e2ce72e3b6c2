"""The job shop as a dispatching Markov decision process, batched."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.scheduling.job_shop import kernels
from drlapps.scheduling.job_shop.features import FEATURES, observe
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.vector import Array, Generator, Pool, VectorEnvironment


class JobShopEnv(VectorEnvironment):
    """Build a schedule by naming, again and again, the job whose next operation is dispatched.

    ## Description

    The job-shop problem ``J || C_max``: ``n`` jobs, each a fixed sequence of operations ``(machine,
    duration)``; a machine does one operation at a time and never interrupts it; the last operation
    is to end as early as possible. A dispatched operation is appended to its machine at its
    earliest start, the later of the job's and the machine's ready times, and never moved again.
    Where the machine is closed at times, the start is the first time from then on at which the
    whole operation lies in open time.

    Which operations are *admissible* is the schedule generation scheme, here the hybrid one of
    Bierwirth and Mattfeld (1999): take the machine on which an operation could complete first, at
    time ``c``; let ``e`` be the earliest time at which an operation could start there; admit those
    operations of the machine that could start at ``e`` or before ``e + delay * (c - e)``. With
    ``delay=0`` every schedule is *non-delay* (no machine idles while an operation waits for it);
    with ``delay=1`` it is *active* (Giffler and Thompson), and an optimal one can be built.

    ## Observation Space

    ``Box(-10, 10, (n, 44), float32)``: a row for each job of the largest instance of the pool, the
    44 columns in the order of :data:`~drlapps.scheduling.job_shop.features.FEATURES`. Rows of
    finished jobs, and of jobs that a smaller instance does not have, are zero.

    A row describes the job's next operation, of duration ``p`` on machine ``i``, which could start
    at ``h`` and end at ``c = h + p``. Times are in time units: ``u`` is the instance's mean
    duration, ``B`` the lower bound on the makespan of any completion, ``now`` the earliest start of
    any operation, ``H = max(B - now, 1)`` the time to go, and ``s(x) = x / (1 + |x|)``. The *bound*
    of a job is when it can end at best as the machines stand; that of a machine is the earliest
    start of an operation left on it, plus its load and the closed time that the load meets, plus
    the least work of a job after one. Heads and bounds wait for open time like everything. The
    *tail* of an operation is its job's bound minus its end; *slack* is ``(B - bound) / H``.
    *Rivals* are the operations that wait for machine ``i``, this one included.

    | Column | Value |
    |---|---|
    | ``unfinished`` | 1 |
    | ``admissible`` | 1 if the operation may be dispatched |
    | ``duration`` | ``p / 2u`` |
    | ``start_delay`` | ``s((h - now) / u)`` |
    | ``machine_idle`` | ``s((h - the machine's ready time) / u)``, the time it would not be used |
    | ``job_wait`` | ``s((h - the job's ready time) / u)`` |
    | ``work_after`` | work left in the job after the operation / ``H`` |
    | ``job_slack`` | slack of the job |
    | ``machine_slack`` | slack of the machine |
    | ``machine_load`` | load left on the machine / ``H`` |
    | ``operations_left`` | of the job / the most of any job |
    | ``contenders`` | ``s(number of rivals - 1)`` |
    | ``admissible_share`` | share of the rivals that are admissible |
    | ``start_behind_first`` | ``s((h - earliest start of a rival) / u)`` |
    | ``duration_over_shortest`` | ``(p - shortest duration of a rival) / 2u`` |
    | ``tail_behind_longest`` | (longest tail of a rival - own tail) / ``H`` |
    | ``completion_behind_first`` | ``s((c - earliest completion of a rival) / u)`` |
    | ``arrivals`` | ``s(number of jobs that need the machine after their next operation)`` |
    | ``arrival_lead`` | ``s((when the first of them can come - h) / u)``; 1 if there is none |
    | ``next_exists`` | 1 if the job goes on after the operation |
    | ``next_duration`` | duration of the job's following operation ``/ 2u`` |
    | ``next_machine_lag`` | ``s((ready time of its machine - c) / u)`` |
    | ``next_machine_slack`` | slack of its machine |
    | ``next_machine_queue`` | ``s(number of operations that wait for its machine)`` |
    | ``next_machine_queued_work`` | ``s(their work / u)`` |
    | ``second_duration`` | duration of the operation after that one ``/ 2u`` |
    | ``second_machine_lag`` | ``s((ready time of its machine - end of the one before) / u)`` |
    | ``second_machine_slack`` | slack of its machine |
    | ``mean_slack_ahead`` | slack of machines of later operations, mean by duration; 1 if none |
    | ``least_slack_ahead`` | the least of them, at most 1 |
    | ``least_slack_distance`` | (earliest start of that operation - ``c``) / ``H``; 0 if none |
    | ``flow_share`` | ``r / (1 + r)``, ``r`` = work up to and with the operation / work left |
    | ``waits_ahead`` | time the job must wait for machines on its way / ``H`` |
    | ``bound_if_chosen`` | (bound of job and machine once dispatched - ``B``) / ``H``, in [-2, 2] |
    | ``bound_over_best`` | that, minus the least of the admissible |
    | ``schrage_if_chosen`` | the same with the rest of the machine by Schrage's rule |
    | ``schrage_over_best`` | that, minus the least of the admissible |
    | ``delay_imposed`` | ``s(delay of others that could start before c / 4u)``, summed over them |
    | ``progress`` | share of the operations dispatched |
    | ``bound_growth`` | ``s(5 (B / initial B - 1))`` |
    | ``jobs_per_machine`` | ``s(unfinished jobs / machines - 1)`` |
    | ``machine`` | ``i`` / number of machines: a label, not a measure |
    | ``next_machine`` | the same of the following operation; -1 if there is none |
    | ``second_machine`` | the same of the one after that; -1 if there is none |

    The columns from ``next_duration`` to ``second_machine_slack`` are 0 where the operation does
    not exist, those from ``bound_if_chosen`` to ``delay_imposed`` where the job is not admissible
    or the only one that is.

    ## Action Space

    ``Discrete(n)``: the job whose next operation is dispatched. ``action_masks()`` returns the
    admissible jobs, bool ``(num_envs, n)``; in a row whose episode has ended it admits all. The
    mask advises, it does not forbid: an inadmissible job is dispatched like any other, and the
    action of a finished job falls through to the next unfinished job (after the last comes job 0).
    So every action leads to a feasible schedule.

    ## Rewards

    ``-10 * (increase of the lower bound B) / (initial B)``. At the end ``B`` is the makespan, so
    the rewards of an episode sum to ``-10 * (makespan / initial B - 1)``. They are for training;
    results are reported as makespans.

    ## Starting State

    Nothing is dispatched; machines are ready at 0 and jobs at their release dates. The instance is
    drawn from the pool, or named by ``options={"instances": [...]}``. Nothing else is random.

    ## Episode End

    Terminated when all operations are dispatched; never truncated. An episode has as many steps as
    the instance has operations, fewer with ``skip_forced``.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where instances come from; its largest one sets ``n``, and how many closed windows
      a machine can have.
    - ``delay``: from 0 (non-delay schedules) to 1 (active schedules).
    - ``skip_forced``: after each action, also dispatch while only one job is admissible, so that
      every step is a decision. The schedules that can be built are the same.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation.

    ## Metrics

    - ``makespan``: end of the last operation, in time units of the instance; lower is better.
    - ``feasible``: 1, as every complete schedule is.
    - ``weighted_tardiness``: sum over the jobs of weight times how late each ends after its due
      date; only where the instance has due dates.
    - ``late_jobs``: how many end after their due date; likewise.

    ## References

    - Giffler & Thompson 1960, "Algorithms for solving production-scheduling problems", Operations
      Research 8(4).
    - Carlier 1982, "The one-machine sequencing problem", European Journal of Operational Research
      11(1), for Schrage's rule and the one-machine bound.
    - Bierwirth & Mattfeld 1999, "Production scheduling and rescheduling with genetic algorithms",
      Evolutionary Computation 7(1).
    - Zhang et al. 2020, "Learning to dispatch for job shop scheduling via deep reinforcement
      learning", NeurIPS 33, for the reward.

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = (*kernels.State._fields, "windows")

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
        b, (n, o, m, w) = num_envs, _capacity(pool)
        self.machines = np.zeros((b, n, o), np.uint32)
        self.durations = np.zeros((b, n, o), np.int32)
        self.lengths = np.zeros((b, n), np.int32)
        self.release = np.zeros((b, n), np.int32)
        self.windows = np.full((b, m, w, 2), kernels.NEVER, np.int32)
        self.n_machines = np.ones(b, np.int32)
        self.next_operation = np.zeros((b, n), np.int32)
        self.job_ready = np.zeros((b, n), np.int32)
        self.machine_ready = np.zeros((b, m), np.int32)
        self.job_work = np.zeros((b, n), np.int32)
        self.work_left = np.zeros((b, n), np.int32)
        self.load_left = np.zeros((b, m), np.int32)
        self.starts = np.zeros((b, n, o), np.int32)
        self.operations_left = np.zeros(b, np.int32)
        self.heads = np.zeros((b, n, o), np.int32)
        self.job_bound = np.zeros((b, n), np.int32)
        self.machine_bound = np.zeros((b, m), np.int32)
        self.bound = np.zeros(b, np.int32)
        self.initial_bound = np.ones(b, np.int32)
        self.mask = np.zeros((b, n), np.bool_)
        self._state = kernels.State(*(getattr(self, name) for name in kernels.State._fields))
        # What the kernels take: see there.
        self._windows = self.windows if w else None
        self._set_spaces(
            gymnasium.spaces.Box(-10.0, 10.0, (n, len(FEATURES)), np.float32),
            gymnasium.spaces.Discrete(n),
        )

        # Compile the kernel now: what is timed later should not pay for it.
        self._advance(np.zeros(b, np.int64), np.zeros(b, np.bool_))

    def _load(self, row: int, instance: JobShop, rng: np.random.Generator) -> None:
        n, o = instance.durations.shape
        m = instance.n_machines
        if n > self.machines.shape[1] or o > self.machines.shape[2] or m > self.load_left.shape[1]:
            raise ValueError(f"{instance.name} ({n} jobs x {o}) is larger than this batch's pool")
        if _most_windows(instance) > self.windows.shape[2]:
            raise ValueError(f"{instance.name} has more closed windows than this batch's pool")
        self.machines[row] = 0
        self.durations[row] = 0
        self.lengths[row] = 0
        self.release[row] = 0
        self.machines[row, :n, :o] = instance.machines
        self.durations[row, :n, :o] = instance.durations
        self.lengths[row, :n] = instance.lengths
        self.release[row, :n] = instance.release
        self.windows[row] = kernels.NEVER
        closed = instance.closed[:, 0]
        place = np.arange(len(closed)) - np.searchsorted(closed, closed)
        self.windows[row, closed, place] = instance.closed[:, 1:]
        self.n_machines[row] = m
        self.next_operation[row] = 0
        self.job_ready[row] = self.release[row]
        self.machine_ready[row] = 0
        self.job_work[row] = self.durations[row].sum(axis=1)
        self.work_left[row] = self.job_work[row]
        valid = np.arange(o) < instance.lengths[:, None]
        load = np.bincount(
            instance.machines[valid], instance.durations[valid], self.load_left.shape[1]
        )
        self.load_left[row] = load
        self.starts[row] = 0
        self.heads[row] = 0
        self.operations_left[row] = self.lengths[row].sum()
        kernels.admit(self._state, self._windows, row, self.delay)
        kernels.update_bound(self._state, self._windows, row)
        self.initial_bound[row] = max(self.bound[row], 1)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        rewards = np.zeros(self.num_envs, np.float32)
        terminated = ~active
        kernels.advance(
            self._state, self._windows, actions, active,
            self.delay, self.skip_forced, rewards, terminated,
        )  # fmt: skip
        return rewards, terminated, np.zeros(self.num_envs, np.bool_)

    def _observe(self) -> Array:
        observations = np.empty((*self.lengths.shape, len(FEATURES)), np.float32)
        observe(self._state, self._windows, observations)
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
        """Return ``makespan`` and ``feasible``; with due dates, what comes of them too."""
        instance = self.instances[row]
        ends = self.job_ready[row, : instance.jobs]
        return {"makespan": float(ends.max()), "feasible": 1.0, **instance.tardiness(ends)}

    def solution(self, row: int) -> dict[str, Any]:
        """Return ``{"start": [[start of each operation] of each job]}``."""
        jobs = self.instances[row].jobs
        return {
            "start": [self.starts[row, j, : self.lengths[row, j]].tolist() for j in range(jobs)]
        }


def _capacity(pool: Pool) -> tuple[int, int, int, int]:
    """Return the most jobs, operations a job, machines and closed windows of any shop."""
    shops: list[Any] = [pool.largest()] if isinstance(pool, Generator) else list(pool)
    return (
        max(shop.jobs for shop in shops),
        max(shop.durations.shape[1] for shop in shops),
        max(shop.n_machines for shop in shops),
        max(_most_windows(shop) for shop in shops),
    )


def _most_windows(shop: JobShop) -> int:
    """Return how often the machine that is closed most often is closed."""
    return int(np.bincount(shop.closed[:, 0]).max(initial=0))
