"""The job shop as an improvement Markov decision process, batched."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import InputError, unknown
from drlapps.scheduling.job_shop.local_search import graph
from drlapps.scheduling.job_shop.plans import refuse_closed
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_improvement import features, kernels
from drlapps.scheduling.job_shop_improvement.starts import RULES, Starter
from drlapps.vector import Array, Generator, Pool, VectorEnvironment

MOST_STEPS = 1_000_000
"""Longest episode; the memory of the selections met grows with it."""

MOST_CANDIDATES = 1_000
"""More than any critical path has."""


class JobShopImprovementEnv(VectorEnvironment):
    """Shorten a complete schedule, swap by swap, by re-ordering its critical path.

    ## Description

    The job-shop problem ``J || C_max`` again, with machines that are never closed, but the state
    is a complete schedule: a *selection*, the order of the operations on every machine, with every
    operation as early as that order allows. The makespan is the longest path through the graph of
    job and machine arcs; a path of that length is *critical*. It falls into *blocks* of operations
    that follow each other on a machine. Only a swap at the border of a block can shorten the
    schedule at once: the first two or last two operations of a block, but of the first block only
    the last two and of the last block only the first two (the neighbourhood N5 of Nowicki and
    Smutnicki, 1996). Each step swaps one such pair of one critical path; where there are several
    paths, one is drawn. What counts is the best schedule met on the way, so a step may well
    lengthen the present one.

    The decision process is that of Zhang et al. (2024). Beyond theirs, the state holds what local
    search remembers: when each operation was last moved, and which selections have been met.

    ## Observation Space

    ``Box(-10, 10, (C, 33), float32)``: a row for each candidate, in the order of their estimated
    makespans, columns as in :data:`~drlapps.scheduling.job_shop_improvement.features.CANDIDATE`.
    Rows without a candidate are zero. With ``show_graph`` the shape is ``(C + N, 33)``: a row for
    each operation follows, ``N`` being jobs times operations a job of the pool's largest shop.

    A candidate lets ``v``, which follows ``u`` on its machine, go first. Times are in time units:
    ``u`` is the instance's mean duration as a unit, ``M`` the present makespan, ``B`` the best met,
    ``s(x) = x / (1 + |x|)``. An operation's *head* is its start, its *tail* the longest path from
    its end to the end of the schedule. The *estimate* is the longest path through either operation
    after the swap (Taillard 1994), a lower bound on the makespan then. ``r(t) = 12 / (12 + t)`` is
    the recency of what happened ``t`` steps ago.

    | Column | Value |
    |---|---|
    | ``exists`` | 1 |
    | ``change`` | ``s((estimate - M) / unit)`` |
    | ``over_best_candidate`` | ``s((estimate - lowest estimate) / unit)`` |
    | ``over_incumbent`` | ``s((estimate - B) / unit)`` |
    | ``improves`` | 1 if the estimate is less than ``B`` |
    | ``first_duration`` | duration of ``u`` / 2 units, at most 10 |
    | ``second_duration`` | the same of ``v`` |
    | ``opens_block`` | 1 if ``u`` is the first of its block |
    | ``closes_block`` | 1 if ``v`` is the last of its block |
    | ``block_length`` | ``s((operations of the block - 2) / 4)`` |
    | ``position`` | head of ``u`` / ``M`` |
    | ``second_lead`` | ``s(how much earlier v would start / unit)`` |
    | ``first_delay`` | ``s(how much later u would start / unit)`` |
    | ``first_tail`` | ``s(how much shorter the tail of u would be / unit)`` |
    | ``second_tail`` | ``s(how much longer the tail of v would be / unit)`` |
    | ``through_first`` | ``s((longest path through u after the swap - M) / unit)`` |
    | ``through_second`` | the same of ``v`` |
    | ``pair_recency`` | ``r`` of the swap that put ``u`` before ``v``; 0 beyond the last 32 |
    | ``first_delayed`` | ``r`` of the last swap that delayed ``u`` |
    | ``first_advanced`` | ``r`` of the last swap that let ``u`` go first |
    | ``second_advanced`` | ``r`` of the last swap that let ``v`` go first |
    | ``second_delayed`` | ``r`` of the last swap that delayed ``v`` |
    | ``frequency`` | ``s(operations / 4 * swaps of u and v / (steps + 10))`` |
    | ``met_before`` | 1 if the swap leads to a selection already met |
    | ``incumbent_gap`` | ``s(20 (M / B - 1))`` |
    | ``stagnation`` | ``s(steps since B was met / 50)`` |
    | ``improvement`` | ``s(10 (1 - B / makespan at the start))`` |
    | ``here_before`` | 1 if the present selection had been met before |
    | ``choices`` | ``s((number of candidates - 6) / 6)`` |
    | ``path_share`` | ``s(4 (operations on the path / (jobs + mean operations a job) - 1))`` |
    | ``jobs_per_machine`` | ``s(jobs / mean operations a job - 1)`` |
    | ``first``, ``second`` | number of ``u`` and ``v`` / ``N``: labels, not measures |

    Of an operation (columns as in
    :data:`~drlapps.scheduling.job_shop_improvement.features.OPERATION`, the rest zero):

    | Column | Value |
    |---|---|
    | ``exists`` | 1 |
    | ``head``, ``tail`` | / ``M`` |
    | ``slack`` | ``s((M - head - duration - tail) / unit)`` |
    | ``critical`` | 1 without slack |
    | ``duration`` | / 2 units, at most 10 |
    | ``job_wait`` | ``s(time it waits after its job is ready / unit)`` |
    | ``machine_wait`` | ``s(time its machine idles before it / unit)`` |
    | ``recency`` | ``r`` of its last swap |
    | ``frequency`` | ``s(operations / 2 * its swaps / (steps + 10))`` |
    | ``job``, ``machine`` | labels: number / ``N`` |
    | ``machine_before``, ``machine_after`` | its neighbours on the machine / ``N``; -1 for none |

    ## Action Space

    ``Discrete(C)``: the candidate that is swapped. ``action_masks()`` returns which exist, bool
    ``(num_envs, C)``; a row that has none admits all. An action beyond the candidates is taken
    modulo their number, so every action is carried out.

    ## Rewards

    ``10 * max(B - new makespan, 0) / (makespan at the start)``: what the incumbent gains. They are
    for training; results are reported as makespans.

    ## Starting State

    The schedule of a dispatching rule, ``start``. The instance is drawn from the pool, or named by
    ``options={"instances": [...]}``; which critical path is taken where there are several, and the
    schedule of ``start=random``, follow from the row's seed.

    ## Episode End

    Terminated when the critical path has no candidate, which proves an optimum unless operations
    of one job stand side by side; truncated after ``steps`` swaps. While training, where episodes
    restart at once, the first one of each row is cut at a random step, so that the rows of a batch
    are in different phases of their search.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where instances come from; its largest one sets ``N``.
    - ``start``: the rule that builds the first schedule (non-delay), or ``random``.
    - ``steps``: swaps in an episode.
    - ``candidates``: ``C``; where a path has more moves, those of highest estimate are left out.
    - ``show_graph``: whether operations are observed too.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation.

    ## Metrics

    - ``makespan``: of the best schedule met, in time units of the instance; lower is better.
    - ``start_makespan``: of the first schedule.
    - ``steps_to_best``: swaps after which the best one was met.
    - ``feasible``: 1, as every schedule met is.
    - ``weighted_tardiness``, ``late_jobs``: of the best schedule, where the instance has due dates.

    ## References

    - Nowicki & Smutnicki 1996, "A fast taboo search algorithm for the job shop problem",
      Management Science 42(6), for the neighbourhood.
    - Taillard 1994, "Parallel taboo search techniques for the job shop scheduling problem", ORSA
      Journal on Computing 6(2), for the estimate.
    - Zhang et al. 2024, "Deep reinforcement learning guided improvement heuristic for job shop
      scheduling", ICLR, for the decision process.

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        *graph.Selection._fields,
        *kernels.Search._fields,
        "unit",
        "stations",
    )

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        start: str = "fdd-mwkr",
        steps: int = 500,
        candidates: int = 16,
        show_graph: bool = False,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if start not in RULES:
            raise unknown("start", start, RULES)
        _count("steps", steps, MOST_STEPS)
        _count("candidates", candidates, MOST_CANDIDATES)
        self._longest, self._show_graph = steps, bool(show_graph)
        jobs, width = _capacity(pool)
        self._starter = Starter(start, pool)
        self.selection = graph.empty(num_envs, jobs, width)
        self.search = kernels.empty(num_envs, jobs * width, candidates, steps)
        for name, array in {**self.selection._asdict(), **self.search._asdict()}.items():
            setattr(self, name, array)
        self.unit = np.ones(num_envs)
        self.stations = np.zeros((num_envs, jobs * width), np.int32)
        rows = candidates + (jobs * width if show_graph else 0)
        self._set_spaces(
            gymnasium.spaces.Box(-10.0, 10.0, (rows, len(features.CANDIDATE)), np.float32),
            gymnasium.spaces.Discrete(candidates),
        )
        # Compile the kernels now: what is timed later should not pay for it.
        self._advance(np.zeros(num_envs, np.int64), np.zeros(num_envs, np.bool_))
        self._observe()

    def _load(self, row: int, instance: JobShop, rng: np.random.Generator) -> None:
        refuse_closed(instance, "job-shop-improvement")
        n, o = instance.durations.shape
        s, t = self.selection, self.search
        if n > s.lengths.shape[1] or o > s.machines.shape[2]:
            raise ValueError(f"{instance.name} ({n} jobs x {o}) is larger than this batch's pool")
        graph.load(s, row, instance)
        self.unit[row] = max(instance.durations.sum() / instance.operations, 1e-9)
        self.stations[row] = 0
        stations = np.unique(instance.machines, return_inverse=True)[1]
        self.stations[row].reshape(s.machines.shape[1:])[:n, :o] = stations.reshape(n, o)
        t.key[row] = rng.integers(2**63)
        graph.from_starts(s, row, self._starter.starts(instance, t.key[row]))
        t.limit[row] = self._longest
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._episodes[row] == 1:
            t.limit[row] = rng.integers(1, self._longest + 1)
        kernels.begin(s, t, row)

    def restart(self, starts: NDArray[np.int64]) -> Array:
        """Let all rows, which hold the same shop, begin with a given schedule instead.

        Args:
            starts: start times, shape ``(n, o)`` of the shop.

        Returns:
            The observations.
        """
        for row in range(self.num_envs):
            graph.from_starts(self.selection, row, starts)
            kernels.begin(self.selection, self.search, row)
        return self._observe()

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        rewards = np.zeros(self.num_envs, np.float32)
        terminated, truncated = np.zeros((2, self.num_envs), np.bool_)
        kernels.advance(
            self.selection, self.search, actions, active, rewards, terminated, truncated
        )
        return rewards, terminated, truncated

    def _observe(self) -> Array:
        s, t, c = self.selection, self.search, self.search.candidates.shape[1]
        rows = s.before.shape[1] if self._show_graph else 0
        observations = np.empty((self.num_envs, c + rows, len(features.CANDIDATE)), np.float32)
        features.observe(s, t, self.unit, observations[:, :c])
        if rows:
            features.observe_graph(s, t, self.unit, self.stations, observations[:, c:])
        return observations

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which candidates exist, shape ``(num_envs, C)``."""
        masks: NDArray[np.bool_] = (
            np.arange(self.search.candidates.shape[1]) < self.search.choices[:, None]
        )
        # A row without any has ended: it ignores its action, and a policy must be able to act.
        masks[self.search.choices == 0] = True
        return masks

    def metrics(self, row: int) -> dict[str, float]:
        """Return ``makespan``, ``start_makespan``, ``steps_to_best`` and ``feasible``.

        With due dates also what comes of them in the best schedule.
        """
        instance, best = self.instances[row], self.search.best_starts[row]
        starts = best.reshape(self.selection.machines.shape[1:])
        return {
            "makespan": float(self.search.best[row]),
            "start_makespan": float(self.search.initial[row]),
            "steps_to_best": float(self.search.best_step[row]),
            "feasible": 1.0,
            **instance.tardiness(instance.ends(starts)),
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return the best schedule, ``{"start": [[start of each operation] of each job]}``."""
        lengths = self.instances[row].lengths
        starts = self.search.best_starts[row].reshape(self.selection.machines.shape[1:])
        return {"start": [starts[j, :length].tolist() for j, length in enumerate(lengths)]}


def _count(name: str, value: object, most: int) -> None:
    """Refuse what is no number of things.

    Raises:
        InputError: it is not.
    """
    if not (isinstance(value, int) and 1 <= value <= most):
        raise InputError(f"{name} must be a whole number from 1 to {most}, not {value!r}")


def _capacity(pool: Pool) -> tuple[int, int]:
    """Return the most jobs and operations a job of any instance of the pool."""
    shops: list[Any] = [pool.largest()] if isinstance(pool, Generator) else list(pool)
    return max(shop.jobs for shop in shops), max(shop.durations.shape[1] for shop in shops)
