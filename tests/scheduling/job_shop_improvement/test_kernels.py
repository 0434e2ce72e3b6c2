"""The kernels of the improvement process against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drlapps.registry import load
from drlapps.scheduling import JOB_SHOP
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.instances import RandomJobShops, named
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_improvement import features, kernels
from drlapps.scheduling.job_shop_improvement.baselines import Tabu
from drlapps.scheduling.job_shop_improvement.environment import JobShopImprovementEnv
from drlapps.scheduling.job_shop_improvement.starts import RULES, Starter

MIXED = RandomJobShops(jobs=(2, 6), machines=(2, 4), release=(0, 30))
Order = frozenset[tuple[int, int]]
"""The arcs ``(u, v)`` between neighbours on a machine."""

lenient = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def shops(least_duration: int = 0) -> st.SearchStrategy[JobShop]:
    """Shops with ragged routes, recirculation and release dates."""
    operation = st.tuples(st.integers(0, 2), st.integers(least_duration, 9))
    job = st.tuples(st.lists(operation, min_size=1, max_size=4), st.integers(0, 5))
    return st.lists(job, min_size=1, max_size=5).map(
        lambda jobs: JobShop.from_jobs(
            "drawn", [route for route, _ in jobs], release=[release for _, release in jobs]
        )
    )


def searching(shop: JobShop, steps: int = 40, **options: object) -> JobShopImprovementEnv:
    """Return a batch of one at the start of a search."""
    env = JobShopImprovementEnv(
        1, [shop], steps=steps, autoreset_mode=AutoresetMode.DISABLED, **options
    )  # type: ignore[arg-type]
    env.reset(seed=0, options={"instances": [shop]})
    return env


def order(env: JobShopImprovementEnv) -> Order:
    after = env.selection.after[0]
    return frozenset((u, int(v)) for u, v in enumerate(after) if v >= 0)


def swapped(arcs: Order, u: int, v: int) -> Order:
    """Let ``v`` go before ``u``: plain surgery on the arcs."""
    assert (u, v) in arcs
    renamed = {u: v, v: u}
    return frozenset(
        (v, u) if arc == (u, v) else (renamed.get(arc[0], arc[0]), renamed.get(arc[1], arc[1]))
        for arc in arcs
    )


def longest(shop: JobShop, arcs: Order) -> tuple[dict[int, int], dict[int, int]] | None:
    """Return heads and tails by repeated relaxation; none where there is a cycle."""
    width = shop.durations.shape[1]
    nodes = [j * width + k for j in range(shop.jobs) for k in range(shop.lengths[j])]
    durations = shop.durations.ravel()
    chains = [(v, v + 1) for v in nodes if v + 1 in nodes and (v + 1) % width > 0]
    heads = {v: int(shop.release[v // width]) for v in nodes}
    tails = dict.fromkeys(nodes, 0)
    for _ in range(len(nodes) + 1):
        before = dict(heads), dict(tails)
        for u, v in (*arcs, *chains):
            heads[v] = max(heads[v], heads[u] + int(durations[u]))
            tails[u] = max(tails[u], tails[v] + int(durations[v]))
        if before == (heads, tails):
            return (heads, tails) if acyclic(nodes, [*arcs, *chains]) else None
    return None


def acyclic(nodes: list[int], arcs: list[tuple[int, int]]) -> bool:
    """Remove what has no predecessor until nothing is left, or only cycles."""
    left = set(nodes)
    while free := left - {v for u, v in arcs if u in left}:
        left -= free
    return not left


def makespan(shop: JobShop, arcs: Order) -> int | None:
    paths = longest(shop, arcs)
    if paths is None:
        return None
    return max(head + int(shop.durations.ravel()[v]) for v, head in paths[0].items())


def candidates(env: JobShopImprovementEnv) -> list[tuple[int, int, int]]:
    rows = env.search.candidates[0, : env.search.choices[0]]
    return [(int(row[0]), int(row[1]), int(row[2])) for row in rows]


@lenient
@given(shops(least_duration=1), st.integers(0, 2**32))
def test_the_estimate_is_the_longest_path_through_the_swapped_pair(
    shop: JobShop, seed: int
) -> None:
    env, rng = searching(shop, start="random"), np.random.default_rng(seed)
    durations = shop.durations.ravel()
    for _ in range(4):
        moves = candidates(env)
        assert [m[2] for m in moves] == sorted(m[2] for m in moves)
        for u, v, estimate in moves:
            paths = longest(shop, swapped(order(env), u, v))
            assert paths is not None, "a swap of critical neighbours closes no cycle"
            through = [paths[0][x] + int(durations[x]) + paths[1][x] for x in (u, v)]
            assert estimate == max(through)
        if not moves:
            break
        env.step(rng.integers(len(moves), size=1))


@lenient
@given(shops(), st.integers(0, 2**32))
def test_steps_swap_pairs_and_keep_the_best_schedule(shop: JobShop, seed: int) -> None:
    env, rng = searching(shop), np.random.default_rng(seed)
    arcs, start = order(env), makespan(shop, order(env))
    assert start == env.search.initial[0]
    best = start
    for _ in range(12):
        if env.search.choices[0] == 0:
            break
        action = int(rng.integers(env.search.choices[0]))
        u, v, _ = candidates(env)[action]
        moved = swapped(arcs, u, v)
        found = makespan(shop, moved)
        if found is None:  # operations without duration can close a cycle
            assert 0 in (shop.durations.ravel()[u], shop.durations.ravel()[v])
            moved, found = arcs, makespan(shop, arcs)
        _, rewards, *_ = env.step(np.array([action]))
        arcs = moved
        assert order(env) == arcs
        assert env.selection.makespan[0] == found
        gain = max(best - found, 0)
        assert rewards[0] == pytest.approx(10.0 * gain / max(start, 1), rel=1e-6)
        best = min(best, found)
        assert env.metrics(0)["makespan"] == best


@lenient
@given(shops(), st.integers(0, 2**32))
def test_true_makespans_of_all_candidates(shop: JobShop, seed: int) -> None:
    env, rng = searching(shop, start="random"), np.random.default_rng(seed)
    found = np.empty(env.search.candidates.shape[:2], np.int32)
    for _ in range(3):
        before = [array.copy() for array in env.selection]
        kernels.makespans(env.selection, env.search, found)
        assert all(np.array_equal(was, now) for was, now in zip(before, env.selection, strict=True))
        never = np.iinfo(np.int32).max
        for c, (u, v, estimate) in enumerate(candidates(env)):
            plain = makespan(shop, swapped(order(env), u, v))
            assert found[0, c] == (never if plain is None else plain)
            assert found[0, c] >= estimate
        assert (found[0, env.search.choices[0] :] == never).all()
        env.step(rng.integers(16, size=1))


def test_the_memory_of_the_search() -> None:
    (shop,) = named(["ft06"])
    env, rng = searching(shop, steps=300), np.random.default_rng(4)
    names = features.CANDIDATE
    met, history, repeats = {order(env)}, [], 0
    for step in range(1, 200):
        action = int(rng.integers(env.search.choices[0]))
        u, v, _ = candidates(env)[action]
        observed, *_ = env.step(np.array([action]))
        history.append((step, u, v))
        here = order(env)
        assert env.search.met[0] == (here in met)
        repeats += here in met
        met.add(here)
        for c, (first, second, _) in enumerate(candidates(env)):
            row = dict(zip(names, observed[0, c].tolist(), strict=True))
            assert row["met_before"] == (swapped(here, first, second) in met)

            def recency(*, delayed: int | None = None, advanced: int | None = None) -> float:
                ages = [
                    step - when  # noqa: B023 - called at once
                    for when, was_delayed, was_advanced in history
                    if delayed in (None, was_delayed) and advanced in (None, was_advanced)
                ]
                return 12.0 / (12.0 + min(ages)) if ages else 0.0

            expected = {
                "pair_recency": recency(delayed=second, advanced=first),
                "first_delayed": recency(delayed=first),
                "first_advanced": recency(advanced=first),
                "second_advanced": recency(advanced=second),
                "second_delayed": recency(delayed=second),
            }
            if expected["pair_recency"] <= 12.0 / (12.0 + kernels.RECENT):
                expected["pair_recency"] = 0.0
            for name, value in expected.items():
                assert row[name] == pytest.approx(value, abs=2e-5), name
    assert repeats > 0
    assert len(met) > 10


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "random"])
def test_the_starting_schedules_are_those_of_the_rules(rule: str) -> None:
    drawn = [MIXED.sample(np.random.default_rng(seed)) for seed in range(6)]
    env = JobShopEnv(len(drawn), drawn, autoreset_mode=AutoresetMode.DISABLED)
    observations, _ = env.reset(seed=0, options={"instances": drawn})
    policy = load(JOB_SHOP.baselines[rule].policy)()
    policy.reset(env, 0)
    over = np.zeros(len(drawn), bool)
    while not over.all():
        observations, _, over, _, _ = env.step(policy.act(env, observations))
    starter = Starter(rule, drawn)
    for row, shop in enumerate(drawn):
        assert np.array_equal(starter.starts(shop, 5), env.starts[row])


def test_random_starts_hang_on_their_seed() -> None:
    shop = RandomJobShops(jobs=(8, 8), machines=(5, 5)).sample(np.random.default_rng(0))
    starter = Starter("random", [shop])
    one, again, other = (starter.starts(shop, key).copy() for key in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def squash(x: float) -> float:
    return x / (1.0 + abs(x))


@lenient
@given(shops(least_duration=1), st.integers(0, 2**32))
def test_what_a_candidate_shows(shop: JobShop, seed: int) -> None:
    env, rng = searching(shop, start="random"), np.random.default_rng(seed)
    unit = shop.durations.sum() / shop.operations
    durations, start = shop.durations.ravel(), int(env.search.initial[0])
    best, stagnation = start, 0
    observed = env._observe()
    for _ in range(4):
        moves = candidates(env)
        if not moves:
            break
        heads, tails = longest(shop, order(env))  # type: ignore[misc]
        present = max(heads[v] + int(durations[v]) for v in heads)
        for c, (u, v, estimate) in enumerate(moves):
            new_heads, new_tails = longest(shop, swapped(order(env), u, v))  # type: ignore[misc]
            through = {x: new_heads[x] + int(durations[x]) + new_tails[x] for x in (u, v)}
            row = dict(zip(features.CANDIDATE, observed[0, c].tolist(), strict=True))
            expected = {
                "exists": 1.0,
                "change": squash((estimate - present) / unit),
                "over_best_candidate": squash((estimate - min(m[2] for m in moves)) / unit),
                "over_incumbent": squash((estimate - best) / unit),
                "improves": float(estimate < best),
                "first_duration": durations[u] / unit / 2,
                "second_duration": durations[v] / unit / 2,
                "position": heads[u] / present,
                "second_lead": squash((heads[v] - new_heads[v]) / unit),
                "first_delay": squash((new_heads[u] - heads[u]) / unit),
                "first_tail": squash((tails[u] - new_tails[u]) / unit),
                "second_tail": squash((new_tails[v] - tails[v]) / unit),
                "through_first": squash((through[u] - present) / unit),
                "through_second": squash((through[v] - present) / unit),
                "incumbent_gap": squash(20.0 * (present / best - 1.0)),
                "stagnation": squash(stagnation / 50.0),
                "improvement": squash(10.0 * (1.0 - best / start)),
                "choices": squash((len(moves) - 6) / 6.0),
                "jobs_per_machine": squash(shop.jobs**2 / shop.operations - 1.0),
            }
            for name, value in expected.items():
                assert row[name] == pytest.approx(value, abs=1e-5), name
        assert not observed[0, len(moves) :].any()
        observed, *_ = env.step(rng.integers(len(moves), size=1))
        found = int(env.selection.makespan[0])
        stagnation = 0 if found < best else stagnation + 1
        best = min(best, found)


def test_the_tabu_rule_takes_the_lowest_estimate_that_undoes_nothing_recent() -> None:
    (shop,) = named(["ft10"])
    env, tenure = searching(shop, steps=150), 6
    policy, history, met = Tabu(tenure), [], {order(env)}
    observations, forced = env._observe(), 0
    for step in range(150):
        moves, ranks = candidates(env), []
        for u, v, estimate in moves:
            undone = [when for when, delayed, advanced in history if advanced == u or delayed == v]
            last = max(undone, default=kernels.NEVER)
            free = step - last >= tenure and swapped(order(env), u, v) not in met
            free |= estimate < env.metrics(0)["makespan"]
            ranks.append((not free, estimate if free else last))
        chosen = int(policy.act(env, observations)[0])
        assert ranks[chosen] == min(ranks)
        forced += ranks[chosen][0]
        u, v, _ = moves[chosen]
        observations, *_ = env.step(np.array([chosen]))
        history.append((step + 1, u, v))
        met.add(order(env))
    assert 0 < forced < 150
