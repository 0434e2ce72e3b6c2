"""The job shop with due dates as a dispatching Markov decision process, batched."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.features import MACHINE_COLUMNS
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_tardiness import features
from drlapps.scheduling.job_shop_tardiness.features import DUE_DATES, FEATURES
from drlapps.vector import Array, Generator, Pool

_REWARD_SCALE = 10.0


class JobShopTardinessEnv(JobShopEnv):
    """Build a schedule by naming the job whose next operation is dispatched; jobs have due dates.

    ## Description

    The job-shop problem ``J || sum w_j T_j``: ``n`` jobs, each a fixed sequence of operations
    ``(machine, duration)``, with a due date ``d`` and a weight ``w`` each. A machine does one
    operation at a time and never interrupts it. A job that ends at ``C`` has the tardiness
    ``max(0, C - d)``; the sum of the weighted tardinesses is to be small. Jobs may have release
    dates, and machines be closed at times.

    Dispatching and the admissible operations are those of
    :class:`~drlapps.scheduling.job_shop.environment.JobShopEnv`: with ``delay=0`` every schedule
    is non-delay, with ``delay=1`` it is active, and an optimal one can be built.

    ## Observation Space

    ``Box(-10, 10, (n, 58), float32)``: a row for each job of the largest instance of the pool, the
    58 columns in the order of :data:`~drlapps.scheduling.job_shop_tardiness.features.FEATURES`.
    Rows of finished jobs, and of jobs that a smaller instance does not have, are zero. The first 41
    columns and the last three, which name machines, are those of ``JobShopEnv``; between them stand
    those below.

    As there, the row describes the job's next operation, of duration ``p`` on machine ``i``; ``u``
    is the instance's mean duration, ``H`` the time to go, the *bound* of a job the earliest end
    that the machines leave it, ``s(x) = x / (1 + |x|)``, and *rivals* are the operations that wait
    for machine ``i``. The *slack* of a job is ``d`` - bound. ``v`` is the mean weight of the
    instance's jobs, and a tardiness is measured in ``u v``. The *priority* of an operation is
    ``w / p exp(-max(slack, 0) / 2u)``, the apparent tardiness cost of Vepsalainen & Morton (1987).

    | Column | Value |
    |---|---|
    | ``weight`` | ``w / 2v`` |
    | ``due_slack`` | ``s(slack / u)`` |
    | ``due_slack_share`` | ``slack / H``, in [-2, 2] |
    | ``slack_per_operation`` | ``s(slack / u / operations left)`` |
    | ``tardiness`` | ``s(t / 4)``, ``t`` = weighted tardiness that is already certain |
    | ``priority`` | over the greatest of the rivals, itself included |
    | ``rivals_ahead`` | share of the other rivals that have less slack |
    | ``weight_per_time`` | ``w / p`` over the greatest of the rivals, itself included |
    | ``tardiness_if_chosen`` | ``s(g / 4)``, ``g`` = certain tardiness that it adds to other jobs |
    | ``tardiness_over_best`` | ``s(g - least g of the admissible)`` |
    | ``estimate_if_chosen`` | ``s(g / 4)``, ``g`` with the machine's other operations by priority |
    | ``estimate_over_best`` | ``s(g - least g of the admissible)`` |
    | ``total_tardiness`` | ``s(mean certain tardiness of a job)``, weighted |
    | ``weight_late`` | share of the unfinished jobs' weight on jobs that are late for certain |

    The columns from ``tardiness_if_chosen`` to ``estimate_over_best`` are 0 where the job is not
    admissible or the only one that is. The estimate sequences the operations left on machine ``i``
    from the end of this one on: of those that are there by their heads the one of highest priority
    goes first. Each is charged with what its end then adds to the tardiness of its job.

    ## Action Space

    ``Discrete(n)``: the job whose next operation is dispatched. ``action_masks()`` returns the
    admissible jobs, bool ``(num_envs, n)``. As in ``JobShopEnv`` the mask advises, and the action
    of a finished job falls through to the next unfinished one.

    ## Rewards

    ``-10 * (increase of L) / (sum of the weights * mean processing time of a job)``, with ``L`` the
    total weighted tardiness if every job ended at its bound. At the end ``L`` is the total weighted
    tardiness itself. Rewards are for training; results are reported as weighted tardiness.

    ## Starting State

    Nothing is dispatched; machines are ready at 0 and jobs at their release dates. The instance is
    drawn from the pool, or named by ``options={"instances": [...]}``. Nothing else is random.

    ## Episode End

    Terminated when all operations are dispatched; never truncated. An episode has as many steps as
    the instance has operations, fewer with ``skip_forced``.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where instances come from; its largest one sets ``n``.
    - ``delay``: from 0 (non-delay schedules) to 1 (active schedules).
    - ``skip_forced``: after each action, also dispatch while only one job is admissible.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation.

    ## Metrics

    - ``weighted_tardiness``: sum over the jobs of weight times how late each ends after its due
      date, in time units of the instance; lower is better.
    - ``late_jobs``: how many jobs end after their due date.
    - ``makespan``: end of the last operation.
    - ``feasible``: 1, as every complete schedule is.

    ## References

    - Vepsalainen & Morton 1987, "Priority rules for job shops with weighted tardiness costs",
      Management Science 33(8).
    - Singer & Pinedo 1998, "A computational study of branch and bound techniques for minimizing
      the total weighted tardiness in job shops", IIE Transactions 30(2).
    - Bierwirth & Mattfeld 1999, "Production scheduling and rescheduling with genetic algorithms",
      Evolutionary Computation 7(1).

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        *JobShopEnv.STATE, "due", "weights", "tardiness", "reward_unit",
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
        shops: list[Any] = [pool.largest()] if isinstance(pool, Generator) else list(pool)
        jobs = max(shop.jobs for shop in shops)
        self.due = np.zeros((num_envs, jobs), np.int32)
        self.weights = np.zeros((num_envs, jobs), np.int32)
        self.tardiness = np.zeros(num_envs, np.int64)
        self.reward_unit = np.ones(num_envs)
        super().__init__(
            num_envs, pool, delay=delay, skip_forced=skip_forced, autoreset_mode=autoreset_mode
        )
        box = gymnasium.spaces.Box(-10.0, 10.0, (jobs, len(FEATURES)), np.float32)
        self._set_spaces(box, self.single_action_space)

    def _load(self, row: int, instance: JobShop, rng: np.random.Generator) -> None:
        super()._load(row, instance, rng)
        self.due[row] = self.weights[row] = 0
        self.due[row, : instance.jobs] = instance.due
        self.weights[row, : instance.jobs] = instance.weights
        self.tardiness[row] = self._least_tardiness()[row]
        unit = float(instance.weights.sum()) * float(self.job_work[row].sum()) / instance.jobs
        self.reward_unit[row] = max(unit, 1.0)

    def _least_tardiness(self) -> NDArray[np.int64]:
        """Return the total weighted tardiness if every job ended at its bound, shape (B,)."""
        late = np.maximum(self.job_bound.astype(np.int64) - self.due, 0)
        return np.asarray((self.weights * late).sum(axis=1))

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        _, terminated, truncated = super()._advance(actions, active)
        before, self.tardiness[:] = self.tardiness.copy(), self._least_tardiness()
        growth = (self.tardiness - before) / self.reward_unit
        return -_REWARD_SCALE * growth.astype(np.float32), terminated, truncated

    def _observe(self) -> Array:
        base = super()._observe()
        columns = np.empty((*self.lengths.shape, len(DUE_DATES)), np.float32)
        features.observe(
            self._state, self._windows, self.due, self.weights, self.tardiness, columns
        )
        measures, machines = np.split(base, [-MACHINE_COLUMNS], axis=2)
        return np.concatenate([measures, columns, machines], axis=2)

    def next_heads(self) -> NDArray[np.float64]:
        """Return the earliest start of each job's next operation (its last if none is left)."""
        last = np.minimum(self.next_operation, np.maximum(self.lengths - 1, 0))
        return np.take_along_axis(self.heads, last[..., None], axis=2)[..., 0].astype(float)
