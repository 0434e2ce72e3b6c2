"""Write a documentation page for each task, ``docs/tasks/*.md``, from what the task declares."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from drlapps import commands, registry
from drlapps.task import Task

FOLDER = Path(__file__).parent / "tasks"

ABOUT = {
    "observed": "what the agent sees",
    "model": "also the model's parameters or forecast",
    "clairvoyant": "also the future: a bound, no opponent",
}


def main() -> None:
    """Write all pages anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the pages by file name: an index and one page a task."""
    found = {"index.md": index(registry.tasks().values())}
    return found | {file_name(task): page(task) for task in registry.tasks().values()}


def file_name(task: Task) -> str:
    """Return the name of the task's page."""
    return f"{task.id.replace('/', '-')}.md"


def index(tasks: Iterable[Task]) -> str:
    """Return the page that lists the tasks."""
    rows = [(f"[{task.id}]({file_name(task)})", task.summary, task.metric.name) for task in tasks]
    return f"# Tasks\n\n{table(('task', 'what it is', 'metric'), rows)}"


def page(task: Task) -> str:
    """Return the page of a task."""
    found = commands.show(task.id)
    sections = [
        f"# {task.id}\n\n{task.summary}.",
        facts(found),
        usage(task),
        problem(task),
        section("The environment", prose(registry.environment_class(task).__doc__, deeper=True)),
        parameters(found),
        baselines(found),
        agents(found),
        published(found["published"]),
        section("References", "\n".join(f"- {entry}" for entry in found["references"])),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def problem(task: Task) -> str:
    """Return what the task's package says of the problem; nothing for a foreign environment."""
    folder = task.environment.partition(":")[0].rpartition(".")[0]
    return section("The problem", prose(importlib.import_module(folder).__doc__)) if folder else ""


def prose(docstring: str | None, *, deeper: bool = False) -> str:
    """Return a docstring as Markdown, its list of references cut off (the page has its own).

    Args:
        docstring: of a module or class.
        deeper: put its headings one level down.
    """
    text = inspect.cleandoc(docstring or "").partition("\nReferences:\n")[0]
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text)
    text = re.sub(r"::$", ":", text, flags=re.MULTILINE)
    return re.sub(r"^#", "##", text, flags=re.MULTILINE) if deeper else text


def facts(found: Mapping[str, Any]) -> str:
    """Return the table of what the task is made of."""
    metric = found["metric"]
    aim = "minimised" if metric["minimize"] else "maximised"
    pools = ", ".join(f"{name} ({size})" for name, size in found["pools"].items())
    rows = [
        ("Gymnasium id", f"`{found['env_id']}`"),
        ("metric", ", ".join(filter(None, (metric["name"], metric["unit"], aim)))),
        ("gaps are to", metric["reference"] or "no reference"),
        ("observation", f"`{found['observation_space']}`"),
        ("action", f"`{found['action_space']}`"),
        ("pools (instances)", pools),
    ]
    return table(("", ""), rows)


def usage(task: Task) -> str:
    """Return the first commands to try."""
    lines = [f"drlapps show {task.id}"]
    if "toy" in task.pools and task.baselines:
        lines.append(f"drlapps solve {task.id} --baseline {next(iter(task.baselines))}")
    if task.agents:
        lines.append(f"drlapps train {task.id} --seeds 3 --out runs/mine")
        lines.append(f"drlapps compare {task.id} --agents runs/mine")
    return "\n".join(("```bash", *lines, "```"))


def parameters(found: Mapping[str, Any]) -> str:
    """Return the table of what ``--set`` changes."""
    rows = [
        (f"`{name}`", f"`{json.dumps(parameter['default'])}`", parameter["of"])
        for name, parameter in found["parameters"].items()
    ]
    return section("Parameters", table(("`--set`", "default", "of"), rows)) if rows else ""


def baselines(found: Mapping[str, Any]) -> str:
    """Return the table of baselines."""
    rows = [
        (f"`{name}`", entry["summary"], entry["information"], assignments(entry["options"]))
        for name, entry in found["baselines"].items()
    ]
    used = dict.fromkeys(entry["information"] for entry in found["baselines"].values())
    seen = "; ".join(f"*{level}*: {ABOUT[level]}" for level in used)
    header = ("baseline", "what it does", "sees", "`--option`")
    return section("Baselines", f"{table(header, rows)}\n\nSees: {seen}.") if rows else ""


def agents(found: Mapping[str, Any]) -> str:
    """Return the table of agent presets, and what is said of the trained ones that ship."""
    rows = [
        (
            f"`{name}`",
            recipe["algorithm"],
            f"{recipe['steps']:,}",
            str(recipe["n_envs"]),
            assignments(recipe["hyperparameters"]),
            assignments({**recipe["environment"], **recipe["instances"]}),
        )
        for name, recipe in found["agents"].items()
    ]
    header = ("agent", "algorithm", "steps", "rows", "hyper-parameters", "trained with")
    text = table(header, rows)
    if shipped := found["pretrained"]:
        text += (
            f"\n\n`pretrained` stands for {len(shipped['seeds'])} runs of {shipped['agent']} that "
            "ship with the package."
        )
    return section("Agents", text) if rows else ""


def published(rows: Sequence[Mapping[str, str]]) -> str:
    """Return the table of published results, for people to compare with."""
    if not rows:
        return ""
    text = table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    return section("Published results", text)


def section(title: str, text: str) -> str:
    """Return a section of a page."""
    return f"## {title}\n\n{text}"


def assignments(values: Mapping[str, object]) -> str:
    """Return values as ``key=value`` words."""
    return ", ".join(f"`{key}={json.dumps(value)}`" for key, value in values.items())


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"

    return "\n".join([line(header), line(["---"] * len(header)), *map(line, rows)])


if __name__ == "__main__":
    main()
