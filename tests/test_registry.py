"""Finding tasks: built in, from entry points and from a user's file; and their settings."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import pytest
from gymnasium.vector import AutoresetMode

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import evaluate
from drlapps.policy import Policy
from drlapps.task import Metric, Task

TINY = Path(__file__).with_name("tiny.py")
JOB_SHOP = "scheduling/job-shop"
SHOP = registry.get(JOB_SHOP)


@pytest.fixture
def _fresh() -> Iterator[None]:
    """Find the tasks anew, before and after."""
    registry.tasks.cache_clear()
    yield
    registry.tasks.cache_clear()


def declare(monkeypatch: pytest.MonkeyPatch, **points: object) -> None:
    """Pretend that a package has entry points; an exception stands for one that fails."""

    def load(value: object) -> object:
        if isinstance(value, BaseException):
            raise value
        return value

    found = [
        SimpleNamespace(name=name, value=f"pack:{name}", load=lambda value=value: load(value))
        for name, value in points.items()
    ]

    def entry_points(*, group: str) -> list[Any]:
        assert group == "drlapps.tasks"
        return found

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    registry.tasks.cache_clear()


def other(task_id: str = "control/drive") -> Task:
    return replace(SHOP, id=task_id, env_id="drlapps/Drive-v0")


# --- names ---


def test_a_task_is_found_by_its_id_or_the_part_that_is_its_own() -> None:
    assert registry.get(JOB_SHOP).id == JOB_SHOP
    assert registry.get("job-shop") is registry.get(JOB_SHOP)


@pytest.mark.parametrize("name", ["scheduling/jobshop", "job_shop", "sheduling/job-shop"])
def test_a_wrong_name_gets_a_suggestion(name: str) -> None:
    with pytest.raises(InputError, match=r"unknown task .*did you mean scheduling/job-shop\?"):
        registry.get(name)


def test_looking_tasks_up_imports_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys; from drlapps import registry; registry.get('job-shop');"
        "print({'numpy', 'torch', 'gymnasium', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- entry points ---


@pytest.mark.usefixtures("_fresh")
def test_entry_points_add_tasks_one_or_several(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three = (other(f"control/{name}") for name in ("one", "two", "three"))
    declare(monkeypatch, alone=one, several=(two, three))
    assert {one.id, two.id, three.id, JOB_SHOP} <= registry.tasks().keys()
    assert registry.get("two") is two


@pytest.mark.usefixtures("_fresh")
@pytest.mark.parametrize(
    ("point", "message"),
    [
        (RuntimeError("no licence"), r"'broken' \(pack:broken\) fails: RuntimeError: no licence"),
        (ImportError("no pack"), "fails: ImportError: no pack"),
        ("a string", "must name a Task"),
        ([1, 2], "must name a Task"),
    ],
)
def test_a_broken_entry_point_is_one_sentence(
    point: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(monkeypatch, broken=point)
    with pytest.raises(InputError, match=message):
        registry.tasks()


@pytest.mark.usefixtures("_fresh")
def test_a_task_has_a_domain_and_is_declared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    homeless = other("drive")
    declare(monkeypatch, homeless=homeless)
    with pytest.raises(InputError, match="whose id is domain/name"):
        registry.tasks()
    declare(monkeypatch, again=other(JOB_SHOP))
    with pytest.raises(InputError, match="declares 'scheduling/job-shop' a second time"):
        registry.tasks()


@pytest.mark.usefixtures("_fresh")
def test_a_short_name_of_two_tasks_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, twin=other("control/job-shop"))
    with pytest.raises(InputError, match="unknown task 'job-shop'; did you mean"):
        registry.get("job-shop")


# --- a user's own file ---


def test_a_files_own_names_are_completed() -> None:
    task = registry.get(f"{TINY}:WALK")
    module = registry.user_module(TINY)
    assert task.id == "user/walk"
    assert registry.get(f"{TINY}:CARTPOLE").id == "tests/cartpole"
    assert registry.environment_class(task) is module.Walk
    assert registry.pool(task, "train") == module.Starts()
    assert registry.load(task.baselines["homing"].policy) is module.Homing
    assert registry.load(task.agents["ppo"]) is module.PPO
    assert task.summary == module.WALK.summary
    assert registry.folder(task) == TINY.parent


def test_a_file_is_imported_once_wherever_one_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TINY.parent)
    assert registry.user_module(Path("tiny.py")) is registry.user_module(TINY)


def test_a_relative_name_means_the_file_of_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(f"WHERE = {name!r}")
        monkeypatch.chdir(tmp_path / name)
        assert name == registry.user_module(Path("mine.py")).WHERE


def test_a_wrong_name_in_a_file_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown task in .*tiny\.py 'WLAK'; did you mean WALK"):
        registry.get(f"{TINY}:WLAK")
    with pytest.raises(InputError, match=r"unknown task in .* 'NO_TASK'"):
        registry.get(f"{TINY}:NO_TASK")
    with pytest.raises(InputError, match=r"no such file: .*absent\.py"):
        registry.get(f"{tmp_path / 'absent.py'}:WALK")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:", "SyntaxError"),
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("\x00", "fails when imported"),
    ],
)
def test_a_broken_file_is_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text(text)
    for _ in range(2):
        with pytest.raises(
            InputError, match=f"broken.py fails when imported: .*{message}|{message}"
        ):
            registry.get(f"{file}:TASK")
    assert not [name for name in sys.modules if getattr(sys.modules[name], "__file__", "") == file]


def test_a_file_repaired_after_an_error_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "mended.py"
    file.write_text("1 / 0")
    with pytest.raises(InputError):
        registry.user_module(file)
    file.write_text("FINE = 1")
    assert registry.user_module(file).FINE == 1


def test_a_class_of_a_file_must_be_of_the_kind() -> None:
    assert registry.user_class(f"{TINY}:Homing", Policy).__name__ == "Homing"
    for wrong in ("Hoeming", "Walk", "WALK"):
        with pytest.raises(InputError, match=f"unknown Policy class in .* '{wrong}'"):
            registry.user_class(f"{TINY}:{wrong}", Policy)
    with pytest.raises(InputError, match="did you mean Homing"):
        registry.user_class(f"{TINY}:Hoeming", Policy)


@pytest.mark.parametrize(
    ("string", "message"),
    [
        ("drlapps.nowhere:thing", "cannot import 'drlapps.nowhere:thing': No module"),
        ("drlapps.task:Tusk", "drlapps.task has no 'Tusk'"),
        ("drlapps.task", "has no ''"),
        (":thing", "cannot import ':thing'"),
    ],
)
def test_a_dangling_import_string_is_one_sentence(string: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        registry.load(string)


def test_an_environment_must_be_a_batch() -> None:
    task = replace(registry.get(JOB_SHOP), environment="drlapps.task:Task")
    with pytest.raises(InputError, match=r"drlapps.task:Task is no VectorEnvironment"):
        registry.environment_class(task)


# --- pools and instances ---


def test_an_unknown_pool_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match="unknown pool of scheduling/job-shop 'tests'; did you me"):
        registry.pool(registry.get(JOB_SHOP), "tests")


def test_only_tasks_with_named_instances_have_them() -> None:
    (shop,) = registry.instances(registry.get(JOB_SHOP), ["ft06"])
    assert shop.name == "ft06"
    with pytest.raises(InputError, match="user/walk has no named instances; use --pool"):
        registry.instances(registry.get(f"{TINY}:WALK"), ["ft06"])


# --- settings ---


def test_parameters_are_those_of_environment_and_train_pool() -> None:
    found = registry.parameters(registry.get(f"{TINY}:WALK"))
    assert {(p.name, p.default, p.of) for p in found.values()} == {
        ("continuous", False, "environment"),
        ("step", 0.5, "environment"),
        ("masked", False, "environment"),
        ("spread", 2.0, "instances"),
    }


def test_parameters_of_other_pools_and_of_named_instances_are_known_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = registry.get(f"{TINY}:WALK")
    module = sys.modules[registry.environment_class(task).__module__]

    def few(count: int = 3, spread: float = 1.0) -> list[object]:
        return [module.Start(spread, count)]

    def named(words: list[str], edge: float = 0.5) -> list[object]:
        return []

    monkeypatch.setattr(module, "few", few, raising=False)
    monkeypatch.setattr(module, "named", named, raising=False)
    pools = {"few": f"{module.__name__}:few", **task.pools}
    found = registry.parameters(replace(task, pools=pools, instances=f"{module.__name__}:named"))
    kinds = {name: (p.default, p.of) for name, p in found.items() if p.of == "instances"}
    # The train pool's default goes before that of others.
    assert kinds == {
        "spread": (2.0, "instances"), "count": (3, "instances"), "edge": (0.5, "instances"),
    }  # fmt: skip
    assert "min_voltage" in registry.parameters(registry.get("energy/crew-restoration"))


def test_a_pool_takes_its_own_settings_alone() -> None:
    task = registry.get("scheduling/dual-sourcing")
    assert registry.accepted(task, "validation", {"problem": "p", "periods": 3}) == {"problem": "p"}
    with pytest.raises(InputError, match=r"the validation pool of \S+ has no parameter 'periods'"):
        registry.pool(task, "validation", periods=3)
    with pytest.raises(InputError, match="unknown pool of scheduling/dual-sourcing 'tets'"):
        registry.accepted(task, "tets", {})


def test_settings_go_where_they_belong() -> None:
    task = registry.get(f"{TINY}:WALK")
    env, instances = registry.split_settings(task, {"spread": 1.0, "step": 0.1})
    assert (env, instances) == ({"step": 0.1}, {"spread": 1.0})
    assert registry.split_settings(task, {}) == ({}, {})
    with pytest.raises(InputError, match="unknown parameter of user/walk 'spred'; did you mean sp"):
        registry.split_settings(task, {"spred": 1.0})
    with pytest.raises(InputError, match="unknown parameter of user/walk 'autoreset_mode'"):
        registry.split_settings(task, {"autoreset_mode": 1})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"delay": 2.0}, "delay must lie between 0"),
        ({"delay": "much"}, "scheduling/job-shop: "),
        ({"delay": [1]}, "scheduling/job-shop: "),
        ({"speed": 1.0}, "scheduling/job-shop: .*unexpected keyword argument 'speed'"),
    ],
)
def test_impossible_settings_of_the_environment(settings: dict[str, Any], message: str) -> None:
    task = registry.get(JOB_SHOP)
    with pytest.raises(InputError, match=message):
        registry.make(task, 1, registry.pool(task, "toy"), **settings)


@pytest.mark.parametrize(
    "settings",
    [{"jobs": "many"}, {"jobs": [5, 3]}, {"machines": 0}, {"jobs": 1.5}, {"durations": [1, 2, 3]}],
)
def test_impossible_settings_of_the_instances(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        registry.pool(registry.get(JOB_SHOP), "train", **settings)


# --- making environments ---


def test_training_restarts_and_evaluation_does_not() -> None:
    task = registry.get(f"{TINY}:WALK")
    pool = registry.pool(task, "train")
    assert registry.make(task, 2, pool).autoreset_mode is AutoresetMode.SAME_STEP
    env = registry.make(task, 2, pool, training=False, step=0.1)
    assert env.autoreset_mode is AutoresetMode.DISABLED
    assert env.stride == 0.1


def test_every_task_is_registered_with_gymnasium() -> None:
    registry.register_gymnasium()
    registry.register_gymnasium()
    for task in registry.tasks().values():
        spec = gymnasium.spec(task.env_id)
        assert spec.entry_point == "drlapps.registry:make_scalar"
        assert spec.vector_entry_point == "drlapps.registry:make_vector"


def test_gymnasium_passes_settings_on() -> None:
    env = gymnasium.make("drlapps.envs:drlapps/JobShop-v0", jobs=[4, 4], delay=0.5)
    assert env.action_space.n == 4
    assert env.unwrapped.batch.delay == 0.5
    with pytest.raises(InputError, match="unknown parameter"):
        gymnasium.make("drlapps.envs:drlapps/JobShop-v0", job=[4, 4])


def test_metrics_say_how_far_off_a_value_is() -> None:
    down, up = Metric("cost", "s", minimize=True), Metric("gain", "s", minimize=False)
    assert down.gap_percent(110.0, 100.0) == pytest.approx(10.0)
    assert up.gap_percent(110.0, 100.0) == pytest.approx(-10.0)
    assert up.gap_percent(-110.0, -100.0) == pytest.approx(10.0)
    assert down.gap_percent(1.0, None) is None
    assert down.gap_percent(1.0, 0.0) is None


def test_a_comparison_shows_the_figures_that_the_views_name() -> None:
    task = registry.get("scheduling/lost-sales")
    toy = registry.pool(task, "toy")[0]
    found = evaluate(task, [contestant(task, "optimal")], [toy], keep_solutions=[toy.name])
    solution = found[0].solution
    assert solution is not None
    drawn = registry.figures(task, toy, solution, "title")
    compared = registry.compared_figures(task, toy, solution, "title")
    assert list(compared) == ["stock", "policy"]
    assert compared.keys() < drawn.keys()
    # Views that name none show all.
    shop = registry.get("scheduling/job-shop")
    job = registry.pool(shop, "toy")[0]
    plan = evaluate(shop, [contestant(shop, "spt")], [job], keep_solutions=[job.name])[0].solution
    assert plan is not None
    assert (
        registry.compared_figures(shop, job, plan, "").keys()
        == registry.figures(shop, job, plan, "").keys()
    )


def test_views_may_draw_a_whole_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    task = registry.get("scheduling/lost-sales")
    assert registry.comparison_figures(task, [], {}) == {}
    views = importlib.import_module(task.views)
    monkeypatch.setattr(views, "comparison_figures", lambda *given: {"what": given}, raising=False)
    assert registry.comparison_figures(task, ["toy"], {"task": ""}) == {
        "what": (["toy"], {"task": ""})
    }


def test_settings_change_named_instances_where_the_task_lets_them() -> None:
    task = registry.get("scheduling/serial-inventory")
    assert "penalty" in registry.changes_instances(task)
    plain, dear = (
        registry.instances(task, ["snyder-6.1"], **settings)[0]
        for settings in ({}, {"penalty": 50.0})
    )
    assert dear.reference > plain.reference
    assert dear.hash != plain.hash
    assert registry.changes_instances(registry.get("scheduling/job-shop")) == {"tightness", "shift"}
    assert registry.changes_instances(registry.get("finance/portfolio")) == set()
    with pytest.raises(InputError, match="holding"):
        registry.instances(task, ["snyder-6.1"], holding="much")
