"""The documentation keeps up with the code: pages, shapes, commands and snippets."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import Any

import pytest
import typer

from drlapps import commands, history, registry
from drlapps.cli import app
from drlapps.compare import compare
from drlapps.contestants import contestant
from drlapps.evaluate import Result, evaluate
from drlapps.files import json_text
from drlapps.options import flags
from drlapps.progress import Bar
from drlapps.scheduling.job_shop import files
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.features import FEATURES
from drlapps.sweep import robustness
from drlapps.task import Task

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TEXTS = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
TASKS = [pytest.param(task, id=task.id) for task in registry.tasks().values()]
JOB_SHOP = "scheduling/job-shop"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(path: Path, language: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def lines(block: str) -> Iterator[list[str]]:
    for line in block.replace("\\\n", " ").splitlines():
        yield shlex.split(line, comments=True)


COMMANDS = [
    pytest.param(words[1:], id=f"{path.stem}: {' '.join(words)}"[:100])
    for path in TEXTS
    for block in blocks(path, "bash")
    for words in lines(block)
    if words[:1] == ["drlapps"]
]


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_of_the_texts_exist(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    group: Any = typer.main.get_command(app)
    if words[-1].startswith("-"):  # --help and --install-completion act while they are parsed
        known = group.commands[words[0]] if len(words) > 1 else group
        assert words[-1] in {"--help", *(option for p in known.params for option in p.opts)}
        return
    # Contexts parse, and refuse what the commands do not have, but run nothing.
    with group.make_context("drlapps", list(words)) as context:
        rest = [*context._protected_args, *context.args]
        name, command, arguments = group.resolve_command(context, rest)
        with command.make_context(name, list(arguments), parent=context) as inner:
            check_names(inner.params)
            if inner.params.get("task"):
                flags(inner, inner.params["task"])


def check_names(given: dict[str, Any]) -> None:
    """Look up the task, instances, policies and settings that a command names."""

    def words(*names: str) -> list[str]:
        values = [given.get(name) or [] for name in names]
        entries = [e for v in values for e in ([v] if isinstance(v, str) else v)]
        return [word for entry in entries for word in entry.split(",")]

    if not given.get("task"):
        return
    task = registry.get(given["task"])
    if published := [word for word in words("instances", "instance") if not _is_file(word)]:
        assert registry.instances(task, published)
    for word in words("policy", "baseline", "baselines"):
        for name in word.partition("@")[0].split("+"):
            assert name in {*task.baselines, "pretrained"} or ".py:" in name or "/" in name
    for word in given.get("settings") or []:
        assert word.partition("=")[0] in registry.parameters(task)


def _is_file(word: str) -> bool:
    path = word.partition(":")[0].lower()
    return path.startswith("./") or path.endswith((*files.SUFFIXES, ".toml"))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_make_targets_of_the_texts_exist(path: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = [words for block in blocks(path, "bash") for words in lines(block)]
    assert {words[1] for words in commands if words[:1] == ["make"]} <= set(targets)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_links_of_the_texts_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("tasks/"):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_page(task: Task) -> None:
    pages = load(DOCS / "generate.py").pages()
    page = pages[f"{task.id.replace('/', '-')}.md"]
    assert task.id in pages["index.md"]
    sections = re.findall(r"^##+ (.+)$", page, re.MULTILINE)
    for section in ("The problem", "The environment", "Parameters", "Baselines", "Agents"):
        assert section in sections
    for section in ("Description", "Observation Space", "Rewards", "Version History"):
        assert section in sections
    for name in (*task.baselines, *task.agents, *registry.parameters(task)):
        assert f"| `{name}` |" in page
    for entry in task.references:
        assert f"- {entry}" in page
    for row in task.published:
        assert f"| {row['method']} |" in page
    # No table is torn: each row has as many cells as the one above it.
    tables = re.findall(r"(?:^\|.*\|$\n?)+", page, re.MULTILINE)
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert ":data:" not in page
    assert "to come" not in page


def test_the_job_shop_manual_explains_every_feature_in_order() -> None:
    manual = JobShopEnv.__doc__ or ""
    explained = re.findall(r"^ *\| ``(\w+)`` \|", manual, re.MULTILINE)
    assert tuple(explained) == FEATURES
    assert f"(n, {len(FEATURES)})" in manual


SCALARS: dict[str, tuple[type, ...]] = {
    "text": (str,), "number": (int, float), "whole": (int,), "truth": (bool,), "any": (object,),
}  # fmt: skip


def check_shape(value: Any, shape: Any, where: str = "$") -> None:
    """Compare a JSON value with a shape of docs/files.md."""
    if isinstance(shape, str):
        if shape.endswith("?") and value is None:
            return
        kind = SCALARS[shape.removesuffix("?")]
        assert isinstance(value, kind), where
        assert bool in kind or object in kind or not isinstance(value, bool), where
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        for index, entry in enumerate(value):
            check_shape(entry, shape[0], f"{where}[{index}]")
    else:
        assert isinstance(value, dict), where
        if "*" in shape:
            shape = dict.fromkeys(value, shape["*"])
        assert value.keys() == shape.keys(), where
        for key, entry in value.items():
            check_shape(entry, shape[key], f"{where}.{key}")


def documented_shape(command: str) -> Any:
    text = (DOCS / "files.md").read_text(encoding="utf-8")
    found = re.search(rf"^## drlapps {command}\n.*?^```json\n(.*?)^```", text, re.M | re.S)
    assert found is not None
    return json.loads(found[1])


def as_json(value: Any) -> Any:
    return json.loads(json_text(value))


def compared() -> Any:
    found = commands.evaluate(
        JOB_SHOP, policies=["spt", "random"], instances=["ft06", "la01..la02"], pool="test",
        settings={}, options={}, seed=0, bar=Bar(quiet=True),
    )  # fmt: skip
    # As if two of them were paths of one problem.
    found = [{**row, "instance": row["instance"].replace("la0", "la:")} for row in found]
    rows = [Result.of(row) for row in found]
    # Three "runs" of one of them, so that there is an agent and a verdict.
    agents = [
        {**row, "policy": "agent", "kind": "agent", "run_seed": seed}
        for row in found
        if row["policy"] == "random"
        for seed in range(3)
    ]
    rows += [Result.of(row) for row in agents]
    comparison = compare(registry.get(JOB_SHOP), rows)
    assert comparison["verdicts"]
    assert comparison["problems"]
    return {**comparison, "figures": [{"title": "", "spec": {}}]}


def swept() -> Any:
    return robustness(
        JOB_SHOP, policies=["spt"], instances=["ft06"], pool="test", draws=None, every=["1"],
        perturb=["delay=0,0.5"], settings={}, options={}, seed=0, bar=Bar(quiet=True),
    )  # fmt: skip


def solved() -> Any:
    return commands.solve(
        JOB_SHOP, policy="spt", instance="ft06", options={}, settings={}, seed=0,
        bar=Bar(quiet=True),
    )[0]  # fmt: skip


def trained(tmp_path: Path) -> Any:
    settings = {"jobs": [3, 3], "machines": [2, 2]}
    return commands.train(
        JOB_SHOP, agent="maskable-ppo", steps=16, seeds=[0], settings=settings,
        hyperparameters={"n_envs": 2, "n_steps": 8, "batch_size": 16, "validate_every": 0},
        out=str(tmp_path), executor="serial", workers=None, device="cpu", bar=Bar(quiet=True),
    )  # fmt: skip


def backtested() -> Any:
    return history.backtest(
        None, policies=["pretrained", "bah"], data="djia", start=None, end=None, settings={},
        options={}, seed=0, trials=None, years=None, groups=None, agent=None, steps=None, seeds=[],
        out=None, bar=Bar(quiet=True),
    )  # fmt: skip


def test_market_data_have_their_documented_shapes() -> None:
    text = (DOCS / "files.md").read_text(encoding="utf-8")
    part = text[text.index("## drlapps data") :]
    listed, checked = re.findall(r"^```json\n(.*?)^```", part, re.M | re.S)[:2]
    check_shape(as_json(history.data("list_data")), json.loads(listed))
    check_shape(as_json(history.data("check_data", "djia")), json.loads(checked))


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("backtest", backtested),
        ("list", lambda: commands.list_tasks(None)),
        ("show", lambda: commands.show(JOB_SHOP)),
        ("solve", solved),
        ("compare", compared),
        ("evaluate", swept),
    ],
)
def test_json_has_its_documented_shape(command: str, found: Callable[[], Any]) -> None:
    check_shape(as_json(found()), documented_shape(command))


def test_train_and_verify_have_their_documented_shapes(tmp_path: Path) -> None:
    check_shape(as_json(trained(tmp_path)), documented_shape("train"))
    check_shape(as_json(commands.verify(str(tmp_path))), documented_shape("verify"))
    manifest = json.loads((tmp_path / "seed-0" / "manifest.json").read_text())
    text = (DOCS / "files.md").read_text(encoding="utf-8")
    for name in (*manifest, *manifest["files"]):
        assert f"`{name}`" in text


def test_instance_files_of_the_texts_are_read(tmp_path: Path) -> None:
    found = 0
    for path in (DOCS / "files.md", DOCS / "tutorial.md"):
        for block in blocks(path, "text"):
            if not re.match(r"#|\d", block):
                continue
            assert files.parse_text(block, name="workshop").jobs > 1
            found += 1
    for block in blocks(DOCS / "files.md", "json"):
        if '"durations"' in block:
            shop = files.parse_json(block, name="workshop")
            assert shop.jobs == 3
            found += 1
    assert found == 4


def test_python_of_the_texts_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in TEXTS:
        for block in blocks(path, "python"):
            exec(compile(block, str(path), "exec"), {})
            if "(Policy)" in block:
                Path("mine.py").write_text(block)
    rows = commands.evaluate(
        JOB_SHOP, policies=["mine.py:LongestTailFirst", "mwkr"], instances=["ft06"], pool="test",
        settings={}, options={}, seed=0, bar=Bar(quiet=True),
    )  # fmt: skip
    assert rows[0]["metric"]["value"] == rows[1]["metric"]["value"]


def test_the_task_of_the_examples_is_whole() -> None:
    task = registry.get(f"{ROOT / 'examples' / 'own_task.py'}:TASK")
    manual = registry.environment_class(task).__doc__ or ""
    for section in ("Description", "Observation Space", "Action Space", "Version History"):
        assert f"## {section}" in manual
    who = [contestant(task, name) for name in task.baselines]
    rows = evaluate(task, who, registry.pool(task, "test")[:20])
    means = {
        name: mean(row.value or 0.0 for row in rows if row.policy == name)
        for name in task.baselines
    }
    # Whoever knows more earns more.
    assert means["first-come"] < means["worthwhile"] < means["expecting"] < means["hindsight"]
    assert all(row.gap_percent == 0 for row in rows if row.policy == "hindsight")
