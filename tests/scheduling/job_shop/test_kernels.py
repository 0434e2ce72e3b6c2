"""Plain Python twins of the kernels: each works everything out again from what was dispatched."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.scheduling.job_shop import features, kernels
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.features import FEATURES
from drlapps.scheduling.job_shop.shop import JobShop

SEEDS = range(25)


@dataclass
class Twin:
    """One shop's state, known by the start times of what was dispatched and nothing else."""

    shop: JobShop
    starts: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.starts = self.starts or [[] for _ in range(self.shop.jobs)]
        self.jobs = range(self.shop.jobs)
        self.machines = range(self.shop.n_machines)
        self.shut: list[set[int]] = [set() for _ in self.machines]
        for i, start, end in self.shop.closed.tolist():
            self.shut[i] |= set(range(start, end))

    def opening(self, i: int, time: int, duration: int) -> int:
        """The first time from then on at which an operation fits, minute by minute."""
        inside = {t for t in self.shut[i] if t - 1 in self.shut[i]}
        while not (self.shut[i] if duration else inside).isdisjoint(
            range(time, time + max(duration, 1))
        ):
            time += 1
        return time

    def through(self, i: int, time: int, load: int) -> int:
        """When so many open minutes of the machine have passed."""
        while load:
            load -= time not in self.shut[i]
            time += 1
        return time

    def machine(self, j: int, k: int) -> int:
        return int(self.shop.machines[j, k])

    def duration(self, j: int, k: int) -> int:
        return int(self.shop.durations[j, k])

    def left(self, j: int) -> range:
        """Places of the operations of the job that are not dispatched."""
        return range(len(self.starts[j]), int(self.shop.lengths[j]))

    def unfinished(self) -> list[int]:
        return [j for j in self.jobs if self.left(j)]

    def left_on(self, i: int) -> list[tuple[int, int]]:
        return [(j, k) for j in self.jobs for k in self.left(j) if self.machine(j, k) == i]

    def work(self, j: int) -> int:
        return sum(self.duration(j, k) for k in self.left(j))

    def ends(self, j: int) -> list[int]:
        return [begin + self.duration(j, k) for k, begin in enumerate(self.starts[j])]

    def job_ready(self, j: int) -> int:
        return max([int(self.shop.release[j]), *self.ends(j)])

    def machine_ready(self, i: int) -> int:
        on_it = [
            end for j in self.jobs for k, end in enumerate(self.ends(j)) if self.machine(j, k) == i
        ]
        return max([0, *on_it])

    def head(self, j: int, k: int) -> int:
        """Earliest start as the machines stand: wait for each machine on the way."""
        time = self.job_ready(j)
        for place in range(len(self.starts[j]), k):
            time = self.begin(j, place, time) + self.duration(j, place)
        return self.begin(j, k, time)

    def begin(self, j: int, k: int, time: int) -> int:
        """Earliest start of an operation that comes to its machine at ``time``."""
        i = self.machine(j, k)
        return self.opening(i, max(time, self.machine_ready(i)), self.duration(j, k))

    def job_bound(self, j: int) -> int:
        last = int(self.shop.lengths[j]) - 1
        return self.head(j, last) + self.duration(j, last) if self.left(j) else self.job_ready(j)

    def machine_bound(self, i: int) -> int:
        """Carlier 1982: earliest head + load + shortest tail; the load takes open time."""
        there = self.left_on(i)
        if not there:
            return self.machine_ready(i)
        after = [sum(self.duration(j, x) for x in self.left(j) if x > k) for j, k in there]
        load = sum(self.duration(j, k) for j, k in there)
        return self.through(i, min(self.head(j, k) for j, k in there), load) + min(after)

    def bound(self) -> int:
        return max(
            [self.job_bound(j) for j in self.jobs] + [self.machine_bound(i) for i in self.machines]
        )

    def next(self, j: int) -> tuple[int, int, int, int]:
        """Machine, duration, earliest start and end of the job's next operation."""
        k = self.left(j)[0]
        return (
            self.machine(j, k),
            self.duration(j, k),
            self.head(j, k),
            self.head(j, k) + self.duration(j, k),
        )

    def admitted(self, delay: float) -> list[int]:
        """Bierwirth & Mattfeld 1999; an operation without duration may start at the very limit."""
        if not self.unfinished():
            return []
        first = min(self.next(j)[3] for j in self.unfinished())
        chosen = next(self.next(j)[0] for j in self.unfinished() if self.next(j)[3] == first)
        rivals = [j for j in self.unfinished() if self.next(j)[0] == chosen]
        earliest = min(self.next(j)[2] for j in rivals)
        limit = earliest + delay * (first - earliest)
        found = []
        for j in rivals:
            _, duration, begin, _ = self.next(j)
            if begin == earliest or begin < limit or (begin == limit and duration == 0):
                found.append(j)
        return found

    def dispatch(self, j: int) -> None:
        self.starts[j].append(self.next(j)[2])

    def advance(self, action: int, delay: float, skip_forced: bool, width: int) -> float:
        """Return the reward; ``width`` is the number of jobs of the batch, padding included."""
        before = self.bound()
        while action not in self.unfinished():
            action = (action + 1) % width
        self.dispatch(action)
        while skip_forced and len(self.admitted(delay)) == 1:
            self.dispatch(self.admitted(delay)[0])
        first = max(Twin(self.shop).bound(), 1)
        return -10.0 * (self.bound() - before) / first


def drawn_shop(rng: np.random.Generator) -> JobShop:
    """A small shop: ragged, recirculating, with zero durations, release dates, closed windows."""
    jobs = [
        [(int(rng.integers(4)), int(rng.integers(7))) for _ in range(rng.integers(1, 5))]
        for _ in range(rng.integers(1, 6))
    ]
    last = max(machine for job in jobs for machine, _ in job)
    starts = rng.integers(0, 30, rng.integers(8) * rng.integers(2))
    closed = [(int(rng.integers(last + 1)), t, t + int(rng.integers(1, 6))) for t in starts]
    release = rng.integers(0, 6, len(jobs)).tolist()
    return JobShop.from_jobs("drawn", jobs, release=release, closed=closed)


def scene(seed: int, rows: int = 4) -> tuple[JobShopEnv, list[Twin], np.random.Generator]:
    """A batch of mixed shops, each somewhere on its way, and the twins of its rows."""
    rng = np.random.default_rng(seed)
    shops = [drawn_shop(rng) for _ in range(rows)]
    env = JobShopEnv(rows, shops, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": shops})
    twins = [Twin(shop) for shop in shops]
    for b, twin in enumerate(twins):
        for _ in range(rng.integers(twin.shop.operations + 1)):
            j = int(rng.choice(twin.unfinished()))
            kernels.dispatch(env._state, env._windows, b, j)
            twin.dispatch(j)
        kernels.update_bound(env._state, env._windows, b)
        kernels.admit(env._state, env._windows, b, 0.0)
    return env, twins, rng


def assert_dispatched(env: JobShopEnv, b: int, twin: Twin) -> None:
    """The row holds what the twin works out; its padding holds nothing."""
    s, n, m = env._state, twin.shop.jobs, twin.shop.n_machines
    left = [len(twin.left(j)) for j in twin.jobs]
    expected = {
        "next_operation": [len(starts) for starts in twin.starts],
        "job_ready": [twin.job_ready(j) for j in twin.jobs],
        "job_work": twin.shop.durations.sum(axis=1).tolist(),
        "work_left": [twin.work(j) for j in twin.jobs],
        "machine_ready": [twin.machine_ready(i) for i in twin.machines],
        "load_left": [sum(twin.duration(*op) for op in twin.left_on(i)) for i in twin.machines],
    }
    for name, values in expected.items():
        row = getattr(s, name)[b]
        assert row[: len(values)].tolist() == values, name
        assert not row[len(values) :].any(), name
    for j in twin.jobs:
        assert s.starts[b, j, : len(twin.starts[j])].tolist() == twin.starts[j]
    assert s.operations_left[b] == sum(left)
    assert s.lengths[b, n:].sum() == 0
    assert s.n_machines[b] == m


def assert_bounded(env: JobShopEnv, b: int, twin: Twin) -> None:
    s = env._state
    assert s.job_bound[b, : twin.shop.jobs].tolist() == [twin.job_bound(j) for j in twin.jobs]
    machine_bound = s.machine_bound[b, : twin.shop.n_machines]
    assert machine_bound.tolist() == [twin.machine_bound(i) for i in twin.machines]
    assert s.bound[b] == twin.bound()
    for j in twin.jobs:
        for k in twin.left(j):
            assert s.heads[b, j, k] == twin.head(j, k)


@pytest.mark.parametrize("seed", SEEDS)
def test_dispatch_and_update_bound(seed: int) -> None:
    env, twins, _ = scene(seed)
    for b, twin in enumerate(twins):
        assert_dispatched(env, b, twin)
        assert_bounded(env, b, twin)


@pytest.mark.parametrize("delay", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_admit(seed: int, delay: float) -> None:
    env, twins, _ = scene(seed)
    for b, twin in enumerate(twins):
        count = kernels.admit(env._state, env._windows, b, delay)
        assert np.flatnonzero(env.mask[b]).tolist() == twin.admitted(delay)
        assert count == len(twin.admitted(delay))


@pytest.mark.parametrize("skip_forced", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_advance(seed: int, skip_forced: bool) -> None:
    env, twins, rng = scene(seed)
    delay = float(rng.choice([0.0, 0.5, 1.0]))
    width = env.lengths.shape[1]
    for _ in range(3):
        actions = rng.integers(width, size=len(twins))
        going = np.array([bool(twin.unfinished()) for twin in twins])
        active = going & (rng.random(len(twins)) < 0.8)
        before = env.export_state()
        rewards = np.full(len(twins), 7.0, np.float32)
        terminated = np.zeros(len(twins), np.bool_)
        kernels.advance(
            env._state, env._windows, actions, active, delay, skip_forced, rewards, terminated
        )
        for b, twin in enumerate(twins):
            if not active[b]:
                assert all(np.array_equal(env.export_state()[k][b], before[k][b]) for k in before)
                assert (rewards[b], terminated[b]) == (7.0, False)
                continue
            assert rewards[b] == pytest.approx(
                twin.advance(int(actions[b]), delay, skip_forced, width), abs=1e-5
            )
            assert terminated[b] == (not twin.unfinished())
            assert np.flatnonzero(env.mask[b]).tolist() == twin.admitted(delay)
            assert_dispatched(env, b, twin)
            assert_bounded(env, b, twin)


# --- observations ------------------------------------------------------------------------------


def squash(x: float) -> float:
    return x / (1.0 + abs(x))


def clip(x: float) -> float:
    return min(max(x, -2.0), 2.0)


def schrage(twin: Twin, i: int, chosen: int) -> int:
    """Makespan of Schrage's rule on the machine's operations of other jobs, after the chosen."""
    time, latest = twin.next(chosen)[3], 0
    waiting = [(j, k) for j, k in twin.left_on(i) if j != chosen]
    while waiting:
        there = [op for op in waiting if twin.head(*op) <= time]
        if not there:
            time = min(twin.head(*op) for op in waiting)
            continue
        pick = max(
            there, key=lambda op: twin.job_bound(op[0]) - twin.head(*op) - twin.duration(*op)
        )
        waiting.remove(pick)
        time = twin.opening(i, time, twin.duration(*pick)) + twin.duration(*pick)
        latest = max(latest, time + tail(twin, *pick))
    return latest


def tail(twin: Twin, j: int, k: int) -> int:
    return twin.job_bound(j) - twin.head(j, k) - twin.duration(j, k)


def bound_if_chosen(twin: Twin, j: int) -> int:
    """Lower bound from job and machine if the job's next operation goes first on its machine."""
    i, _, _, end = twin.next(j)
    others = [(u, v) for u, v in twin.left_on(i) if u != j]
    candidates = [twin.job_bound(j)]
    for u, v in others:
        begin = twin.opening(i, max(twin.head(u, v), end), twin.duration(u, v))
        candidates.append(begin + twin.duration(u, v) + tail(twin, u, v))
    load = sum(twin.duration(u, v) for u, v in others)
    if load > 0:
        candidates.append(twin.through(i, end, load) + min(tail(twin, u, v) for u, v in others))
    return max(candidates)


def observed(twin: Twin, admitted: list[int]) -> np.ndarray:
    """The observation that the environment's docstring describes, column by column."""
    table = np.zeros((twin.shop.jobs, len(FEATURES)))
    if not twin.unfinished():
        return table
    unfinished, n_machines = twin.unfinished(), twin.shop.n_machines
    u = max(int(twin.shop.durations.sum()) / twin.shop.operations, 1e-9)
    bound, first_bound = twin.bound(), max(Twin(twin.shop).bound(), 1)
    now = min(twin.next(j)[2] for j in unfinished)
    horizon = max(bound - now, 1)

    def slack(i: int) -> float:
        return (bound - twin.machine_bound(i)) / horizon

    chosen_bound = {j: bound_if_chosen(twin, j) for j in admitted}
    chosen_schrage = {
        j: max(twin.job_bound(j), schrage(twin, twin.next(j)[0], j)) for j in admitted
    }
    left = twin.shop.operations - sum(len(starts) for starts in twin.starts)
    for j in unfinished:
        k, size = twin.left(j)[0], int(twin.shop.lengths[j])
        i, p, begin, end = twin.next(j)
        rivals = [r for r in unfinished if twin.next(r)[0] == i]
        coming = [
            r for r in unfinished if len(twin.left(r)) > 1 and twin.machine(r, twin.left(r)[1]) == i
        ]
        done = sum(twin.duration(j, x) for x in range(k + 1))
        row = {
            "unfinished": 1.0,
            "admissible": float(j in admitted),
            "duration": p / u / 2.0,
            "start_delay": squash((begin - now) / u),
            "machine_idle": squash((begin - twin.machine_ready(i)) / u),
            "job_wait": squash((begin - twin.job_ready(j)) / u),
            "work_after": (twin.work(j) - p) / horizon,
            "job_slack": (bound - twin.job_bound(j)) / horizon,
            "machine_slack": slack(i),
            "machine_load": sum(twin.duration(*op) for op in twin.left_on(i)) / horizon,
            "operations_left": len(twin.left(j)) / max(len(twin.left(r)) for r in unfinished),
            "contenders": squash(len(rivals) - 1),
            "admissible_share": sum(r in admitted for r in rivals) / len(rivals),
            "start_behind_first": squash((begin - min(twin.next(r)[2] for r in rivals)) / u),
            "duration_over_shortest": (p - min(twin.next(r)[1] for r in rivals)) / u / 2.0,
            "tail_behind_longest": (
                max(twin.job_bound(r) - twin.next(r)[3] for r in rivals) - twin.job_bound(j) + end
            )
            / horizon,
            "completion_behind_first": squash((end - min(twin.next(r)[3] for r in rivals)) / u),
            "arrivals": squash(len(coming)),
            "arrival_lead": (
                squash((min(twin.next(r)[3] for r in coming) - begin) / u) if coming else 1.0
            ),
            "flow_share": done / max(done + twin.work(j), 1e-9),
            "waits_ahead": (twin.job_bound(j) - begin - twin.work(j)) / horizon,
            "progress": 1.0 - left / twin.shop.operations,
            "bound_growth": squash(5.0 * (bound / first_bound - 1.0)),
            "jobs_per_machine": squash(len(unfinished) / n_machines - 1.0),
            "machine": i / n_machines,
            "next_machine": -1.0,
            "second_machine": -1.0,
        }
        if k + 1 < size:
            i1, p1 = twin.machine(j, k + 1), twin.duration(j, k + 1)
            queue = [r for r in unfinished if twin.next(r)[0] == i1]
            row |= {
                "next_exists": 1.0,
                "next_duration": p1 / u / 2.0,
                "next_machine_lag": squash((twin.machine_ready(i1) - end) / u),
                "next_machine_slack": slack(i1),
                "next_machine_queue": squash(len(queue)),
                "next_machine_queued_work": squash(sum(twin.next(r)[1] for r in queue) / u),
                "next_machine": i1 / n_machines,
            }
        if k + 2 < size:
            i2 = twin.machine(j, k + 2)
            before = twin.head(j, k + 1) + twin.duration(j, k + 1)
            row |= {
                "second_duration": twin.duration(j, k + 2) / u / 2.0,
                "second_machine_lag": squash((twin.machine_ready(i2) - before) / u),
                "second_machine_slack": slack(i2),
                "second_machine": i2 / n_machines,
            }
        later = [(slack(twin.machine(j, x)), x) for x in range(k + 1, size)]
        ahead = twin.work(j) - p
        least, where = min(later, default=(1.0, k))
        row |= {
            "mean_slack_ahead": (
                sum(share * twin.duration(j, x) for share, x in later) / ahead if ahead else 1.0
            ),
            "least_slack_ahead": min(least, 1.0),
            "least_slack_distance": (twin.head(j, where) - end) / horizon if later else 0.0,
        }
        # Where only one operation is admitted there is nothing to look ahead for.
        if j in admitted and len(admitted) > 1:
            others = [op for op in twin.left_on(i) if op[0] != j]
            imposed = sum(max(end - twin.head(*op), 0) for op in others)
            row |= {
                "bound_if_chosen": clip((chosen_bound[j] - bound) / horizon),
                "bound_over_best": clip((chosen_bound[j] - bound) / horizon)
                - clip((min(chosen_bound.values()) - bound) / horizon),
                "schrage_if_chosen": clip((chosen_schrage[j] - bound) / horizon),
                "schrage_over_best": clip((chosen_schrage[j] - bound) / horizon)
                - clip((min(chosen_schrage.values()) - bound) / horizon),
                "delay_imposed": squash(imposed / u / 4.0),
            }
        assert row.keys() <= set(FEATURES)
        for name, value in row.items():
            table[j, FEATURES.index(name)] = value
    return table


@pytest.mark.parametrize("delay", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(60))
def test_observe(seed: int, delay: float) -> None:
    env, twins, _ = scene(seed)
    for b in range(len(twins)):
        kernels.admit(env._state, env._windows, b, delay)
    seen = np.full(env.observation_space.shape, np.nan, np.float32)
    features.observe(env._state, env._windows, seen)
    for b, twin in enumerate(twins):
        expected = observed(twin, twin.admitted(delay))
        for at, name in enumerate(FEATURES):
            assert seen[b, : twin.shop.jobs, at] == pytest.approx(expected[:, at], abs=1e-5), name
        assert not seen[b, twin.shop.jobs :].any()


def test_every_feature_varies() -> None:
    """A column that never changes would be compared in vain."""
    rows = []
    for seed in range(60):
        env, twins, _ = scene(seed)
        rows += [env._observe()[b][twin.unfinished()] for b, twin in enumerate(twins)]
    spread = np.concatenate(rows).std(axis=0)
    constant = {
        name for name, value in zip(FEATURES, spread, strict=True) if math.isclose(value, 0)
    }
    assert constant == {"unfinished"}
