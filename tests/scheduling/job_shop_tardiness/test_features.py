"""Plain Python twins of what the agent sees of due dates, and of what a choice costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_tardiness.environment import JobShopTardinessEnv
from drlapps.scheduling.job_shop_tardiness.features import DUE_DATES, FEATURES
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop


def drawn_shop(rng: np.random.Generator, closed: bool) -> DueDateShop:
    """A small shop with ragged routes, recirculation, zero durations, release and due dates."""
    jobs = [
        [(int(rng.integers(3)), int(rng.integers(7))) for _ in range(rng.integers(1, 5))]
        for _ in range(rng.integers(1, 6))
    ]
    top = max(machine for job in jobs for machine, _ in job)
    windows = [(int(rng.integers(top + 1)), t, t + 3) for t in (4, 11)] if closed else []
    shop = JobShop.from_jobs(
        "drawn",
        jobs,
        release=rng.integers(0, 6, len(jobs)).tolist(),
        due=rng.integers(0, 25, len(jobs)).tolist(),
        weights=rng.integers(0, 5, len(jobs)).tolist(),
        closed=windows,
    )
    return DueDateShop.of(shop)


def scene(
    seed: int, delay: float, *, closed: bool = False
) -> tuple[JobShopTardinessEnv, np.ndarray]:
    """A batch of mixed shops, each somewhere on its way, and its observations."""
    rng = np.random.default_rng(seed)
    shops = [drawn_shop(rng, closed) for _ in range(4)]
    env = JobShopTardinessEnv(4, shops, delay=delay, autoreset_mode=AutoresetMode.DISABLED)
    observations, _ = env.reset(seed=0, options={"instances": shops})
    for _ in range(int(rng.integers(8))):
        drawn = np.where(env.action_masks(), rng.random(env.mask.shape), -1.0)
        observations, *_ = env.step(drawn.argmax(axis=1))
    return env, observations


def squash(x: float) -> float:
    return x / (1.0 + abs(x))


class Twin:
    """A row, seen through what its tested base works out: heads, bounds of jobs, masks."""

    def __init__(self, env: JobShopTardinessEnv, b: int) -> None:
        self.env, self.b, self.shop = env, b, env.instances[b]
        self.step = env.next_operation[b].tolist()
        self.unfinished = [j for j in range(self.shop.jobs) if self.step[j] < self.shop.lengths[j]]
        self.mask = [j for j in self.unfinished if env.mask[b, j]]
        self.unit = max(float(self.shop.durations.sum()) / self.shop.operations, 1e-9)
        self.mean_weight = max(float(self.shop.weights.mean()), 1e-9)
        self.w, self.due = self.shop.weights.tolist(), self.shop.due.tolist()

    def bound(self, j: int) -> int:
        return int(self.env.job_bound[self.b, j])

    def slack(self, j: int) -> int:
        return int(self.due[j]) - self.bound(j)

    def duration(self, j: int, k: int) -> int:
        return int(self.shop.durations[j, k])

    def machine(self, j: int, k: int) -> int:
        return int(self.shop.machines[j, k])

    def head(self, j: int, k: int) -> int:
        return int(self.env.heads[self.b, j, k])

    def next(self, j: int) -> tuple[int, int, int]:
        """Machine, duration and earliest start of the job's next operation."""
        k = self.step[j]
        return self.machine(j, k), self.duration(j, k), self.head(j, k)

    def priority(self, j: int, p: int, slack: float) -> float:
        """Vepsalainen & Morton 1987, with k = 2."""
        return float(self.w[j] / max(p, 1) * math.exp(-max(slack, 0.0) / (2 * self.unit)))

    def certain(self) -> list[float]:
        return [self.w[j] * max(-self.slack(j), 0) for j in range(self.shop.jobs)]

    def cost_of_dispatching(self, j: int) -> float:
        """What the certain tardiness grows by, found by doing it."""
        state = self.env.export_state()
        still = np.zeros(self.env.num_envs, np.bool_)
        still[self.b] = True
        before = sum(self.certain())
        self.env._advance(np.full(self.env.num_envs, j), still)
        grown = sum(Twin(self.env, self.b).certain()) - before
        self.env.restore_state(state)
        return grown

    def estimated_cost(self, chosen: int) -> float:
        """The machine's other operations by priority, from the end of the chosen one on."""
        machine, p, begin = self.next(chosen)
        time, cost = begin + p, 0.0
        waiting = [
            (j, k)
            for j in self.unfinished
            for k in range(self.step[j], int(self.shop.lengths[j]))
            if self.machine(j, k) == machine and j != chosen
        ]
        while waiting:
            there = [op for op in waiting if self.head(*op) <= time]
            if not there:
                time = min(self.head(*op) for op in waiting)
                continue

            def index(op: tuple[int, int], time: float = time) -> float:
                j, k = op
                tail = self.bound(j) - self.head(j, k) - self.duration(j, k)
                slack = self.due[j] - tail - self.duration(j, k) - time
                return self.priority(j, self.duration(j, k), slack)

            j, k = pick = max(there, key=index)
            waiting.remove(pick)
            time += self.duration(j, k)
            delay = time - self.head(j, k) - self.duration(j, k)
            now, then = max(-self.slack(j), 0), max(delay - self.slack(j), 0)
            cost += self.w[j] * (then - now)
        return cost

    def observed(self) -> np.ndarray:
        """The columns that the environment's docstring describes."""
        table = np.zeros((self.shop.jobs, len(DUE_DATES)))
        if not self.unfinished:
            return table
        now = min(self.next(j)[2] for j in self.unfinished)
        horizon = max(int(self.env.bound[self.b]) - now, 1)
        scale = self.unit * self.mean_weight
        alive = sum(self.w[j] for j in self.unfinished)
        late = sum(self.w[j] for j in self.unfinished if self.slack(j) < 0)
        for j in self.unfinished:
            i, p, _ = self.next(j)
            rivals = [r for r in self.unfinished if self.next(r)[0] == i]
            urgency = [self.priority(r, self.next(r)[1], self.slack(r)) for r in rivals]
            shortness = [self.w[r] / max(self.next(r)[1], 1) for r in rivals]
            ahead = sum(self.slack(r) < self.slack(j) for r in rivals)
            left = int(self.shop.lengths[j]) - self.step[j]
            row = {
                "weight": self.w[j] / self.mean_weight / 2,
                "due_slack": squash(self.slack(j) / self.unit),
                "due_slack_share": min(max(self.slack(j) / horizon, -2.0), 2.0),
                "slack_per_operation": squash(self.slack(j) / self.unit / left),
                "tardiness": squash(self.certain()[j] / scale / 4),
                "priority": self.priority(j, p, self.slack(j)) / max(*urgency, 1e-30),
                "rivals_ahead": ahead / max(len(rivals) - 1, 1),
                "weight_per_time": self.w[j] / max(p, 1) / max(*shortness, 1e-30),
                "total_tardiness": squash(sum(self.certain()) / (self.shop.jobs * scale + 1e-9)),
                "weight_late": late / max(alive, 1),
            }
            for name, value in row.items():
                table[j, DUE_DATES.index(name)] = value
        kinds = {"tardiness": self.cost_of_dispatching, "estimate": self.estimated_cost}
        for kind, cost in kinds.items() if len(self.mask) > 1 else ():
            costs = {j: cost(j) / scale for j in self.mask}
            for j, value in costs.items():
                table[j, DUE_DATES.index(f"{kind}_if_chosen")] = squash(value / 4)
                over = squash(value - min(costs.values()))
                table[j, DUE_DATES.index(f"{kind}_over_best")] = over
        return table


@pytest.mark.parametrize("delay", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(40))
def test_observe(seed: int, delay: float) -> None:
    env, seen = scene(seed, delay)
    for b in range(env.num_envs):
        expected = Twin(env, b).observed()
        for at, name in enumerate(DUE_DATES):
            column = seen[b, :, FEATURES.index(name)]
            jobs = len(expected)
            assert column[:jobs] == pytest.approx(expected[:, at], abs=2e-5), name
            assert not column[jobs:].any()


@pytest.mark.parametrize("seed", range(20))
def test_the_certain_cost_of_a_choice_is_exact_where_machines_close(seed: int) -> None:
    env, seen = scene(seed, 1.0, closed=True)
    at = FEATURES.index("tardiness_if_chosen")
    for b in range(env.num_envs):
        twin = Twin(env, b)
        for j in twin.mask if len(twin.mask) > 1 else ():
            cost = twin.cost_of_dispatching(j) / twin.unit / twin.mean_weight
            assert seen[b, j, at] == pytest.approx(squash(cost / 4), abs=2e-5)


def test_every_column_about_due_dates_varies() -> None:
    rows = []
    for seed in range(40):
        env, seen = scene(seed, 0.0)
        rows += [seen[b][Twin(env, b).unfinished] for b in range(env.num_envs)]
    spread = np.concatenate(rows).std(axis=0)
    assert all(spread[FEATURES.index(name)] > 0 for name in DUE_DATES)
