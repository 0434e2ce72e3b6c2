"""What each command does: names in, one JSON-able object out. Nothing here prints a result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from drlapps import registry
from drlapps.contestants import (
    PRETRAINED,
    best_validated,
    contestant,
    repeated,
    run_directories,
    shipped,
)
from drlapps.errors import InputError, unknown
from drlapps.progress import Bar
from drlapps.task import Task

JSON = dict[str, Any]


def list_tasks(domain: str | None) -> list[JSON]:
    """Return the tasks, of one domain or of all."""
    domains = sorted({task_id.split("/")[0] for task_id in registry.tasks()})
    if domain is not None and domain not in {*domains, *registry.DOMAINS}:
        raise unknown("domain", domain, domains)
    return [
        {
            "task": task.id,
            "env_id": task.env_id,
            "summary": task.summary,
            "metric": task.metric.name,
            "baselines": list(task.baselines),
            "agents": list(task.agents),
            "pretrained": bool(task.pretrained),
        }
        for task in registry.tasks().values()
        if domain in (None, task.id.split("/")[0])
    ]


def show(name: str) -> JSON:
    """Return everything declared about a task, its spaces, parameters and pools."""
    task = registry.get(name)
    pools: JSON = {}
    for key in task.pools:
        pool = registry.pool(task, key)
        pools[key] = len(pool) if isinstance(pool, Sequence) else "generated"
    env = registry.make(task, 1, registry.pool(task, "train"))
    return {
        "task": task.id,
        "env_id": task.env_id,
        "summary": task.summary,
        "metric": asdict(task.metric),
        "observation_space": str(env.single_observation_space),
        "action_space": str(env.single_action_space),
        "pools": pools,
        "parameters": {
            key: {"default": p.default, "of": p.of} for key, p in registry.parameters(task).items()
        },
        "baselines": {
            key: {
                "summary": b.summary,
                "information": str(b.information),
                "options": dict(b.options),
                "samples": b.samples,
            }
            for key, b in task.baselines.items()
        },
        "agents": _agents(task),
        "pretrained": _pretrained(task),
        "references": list(task.references),
        "published": [dict(row) for row in task.published],
    }


def _agents(task: Task) -> JSON:
    from drlapps.agents import preset

    return {key: preset(task, key).recipe() for key in task.agents}


def _pretrained(task: Task) -> JSON | None:
    if not task.pretrained:
        return None
    from drlapps.artifact import RunDirectory

    runs = [RunDirectory(run).manifest for run in run_directories(shipped(task))]
    return {
        "agent": task.pretrained,
        "seeds": [run["seed"] for run in runs],
        "train_cpu_seconds": [run["train_cpu_seconds"] for run in runs],
        "recipe": runs[0].get("command"),
    }


def train(
    name: str,
    *,
    agent: str | None,
    steps: int | None,
    seeds: Sequence[int],
    hyperparameters: Mapping[str, object],
    settings: Mapping[str, object],
    start: str = "",
    out: str | None,
    executor: str,
    workers: int | None,
    device: str,
    bar: Bar,
) -> list[JSON]:
    """Train one run a seed; finished runs are skipped and killed ones continued."""
    task = registry.get(name)
    chosen = agent or next(iter(task.agents), None)
    if chosen is None:
        raise InputError(f"{task.id} declares no agent; choose one with --agent")
    from drlapps.agents import preset
    from drlapps.train import RunSpec

    preset(task, chosen)
    if steps is not None and steps < 1:
        raise InputError(f"--steps must be positive, not {steps}")
    choices = {
        "task": name, "agent": chosen, "steps": steps, "device": device,
        "hyperparameters": dict(hyperparameters), "settings": dict(settings),
        **({"start": start} if start else {}),
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(choices, sort_keys=True).encode()).hexdigest()[:8]
    home = Path(out) if out else Path("runs") / task.id / chosen / digest
    specs = [RunSpec(seed=s, directory=str(home / f"seed-{s}"), **choices) for s in seeds]  # type: ignore[arg-type]
    specs[0].preset()
    return train_runs(specs, executor, workers, bar)


def resume(directory: str, *, executor: str, workers: int | None, bar: Bar) -> list[JSON]:
    """Continue the runs in a directory where they were interrupted."""
    from drlapps.train import RunSpec

    specs = [RunSpec.of(run) for run in run_directories(Path(directory))]
    return train_runs(specs, executor, workers, bar)


def train_runs(specs: Sequence[Any], executor: str, workers: int | None, bar: Bar) -> list[JSON]:
    """Train the runs that are not finished yet; show their progress."""
    from drlapps import execute
    from drlapps.progress import watch_runs
    from drlapps.train import finished, train

    with watch_runs(specs, bar):
        manifests = execute.map_runs(
            train, specs, executor=executor, workers=workers, done=finished
        )
    keys = ("task", "agent", "seed", "steps", "train_cpu_seconds", "validation_score")
    return [
        {"directory": spec.directory, **{key: manifest[key] for key in keys}, "task": spec.task}
        for spec, manifest in zip(specs, manifests, strict=True)
    ]


def stage(
    task: Task, names: Sequence[str], pool: str, settings: Mapping[str, object]
) -> tuple[JSON, list[Any]]:
    """Return on what policies are scored: settings of the environment, and instances.

    Args:
        task: the problem.
        names: of the instances.
        pool: whose instances are taken where no names are given.
        settings: of the environment and of the instances.

    Raises:
        InputError: there is no such pool, or agents learn from it; there are no instances, or one
            comes twice; a setting is unknown, or not one of theirs.
    """
    if not names:
        _check_pool(task, pool)
    env, changes = registry.split_settings(task, settings)
    takes = registry.changes_instances(task) if names else registry.accepted(task, pool, changes)
    _refuse_changes({key: value for key, value in changes.items() if key not in takes})
    if names:
        found = registry.instances(task, names, **changes)
    else:
        found = list(registry.pool(task, pool, **changes))
    if not found:
        raise InputError("no instances to score on")
    doubles = {i.name for i in found if [j.name for j in found].count(i.name) > 1}
    if doubles:
        raise InputError(f"instance named twice: {', '.join(sorted(doubles))}")
    return env, found


def _check_pool(task: Task, pool: str) -> None:
    """Refuse a pool that does not exist or is learnt from."""
    if pool not in task.pools:
        raise unknown(f"pool of {task.id}", pool, task.pools)
    if pool == "train":
        raise InputError(
            "the train pool is what agents learn from; score on another, or evaluate --family N"
        )


def evaluate(
    name: str,
    *,
    policies: Sequence[str],
    instances: Sequence[str],
    pool: str,
    settings: Mapping[str, object],
    options: Mapping[str, object],
    seed: int,
    bar: Bar,
    solutions: bool = False,
) -> list[JSON]:
    """Score policies on instances; one row a (policy, run seed, instance)."""
    from drlapps.evaluate import evaluate

    task = registry.get(name)
    env, chosen = stage(task, instances, pool, settings)
    contestants = [contestant(task, word, options) for word in dict.fromkeys(policies)]
    bar.start(sum(len(c.policies) for c in contestants) * len(chosen))
    results = evaluate(
        task, contestants, chosen, seed=seed, settings=env, on_result=bar.scored,
        keep_solutions={i.name for i in chosen} if solutions else (),
    )  # fmt: skip
    return [result.row(task) for result in results]


def environment_settings(task: Task, settings: Mapping[str, object]) -> dict[str, object]:
    """Return settings that are all the environment's.

    Raises:
        InputError: one is unknown, or shapes instances.
    """
    env, changes = registry.split_settings(task, settings)
    _refuse_changes(changes)
    return env


def _refuse_changes(changes: Mapping[str, object]) -> None:
    if changes:
        raise InputError(
            f"{', '.join(changes)} shapes generated instances; it cannot change given ones"
        )


def solve(
    name: str,
    *,
    policy: str | None,
    instance: str | None,
    options: Mapping[str, object],
    settings: Mapping[str, object],
    seed: int,
    bar: Bar,
) -> tuple[JSON, dict[str, Any]]:
    """Solve one instance with one policy.

    Returns:
        The result row with its solution, and the task's charts of it by name.
    """
    from drlapps.evaluate import evaluate

    task = registry.get(name)
    env, found = stage(task, [instance] if instance is not None else [], "toy", settings)
    if len(found) > 1 and instance is not None:
        raise InputError(f"{instance!r} names {len(found)} instances; solve takes one")
    chosen = found[0]
    policy = policy or (PRETRAINED if task.pretrained else next(iter(task.baselines)))
    word = policy
    agent, at, samples = policy.partition("@")
    if agent.partition(":")[0] == PRETRAINED:
        # For use, the run that did best on validation; to judge the method, evaluate takes all.
        word = f"{best_validated(shipped(task, agent))}{at}{samples}"
    who = replace(contestant(task, word, options), name=policy)
    bar.start(1)
    result = evaluate(
        task, [who], [chosen], seed=seed, settings=env, on_result=bar.scored,
        keep_solutions=(chosen.name,),
    )[0]  # fmt: skip
    charts: dict[str, Any] = {}
    if task.views and result.solution is not None:
        charts = registry.figures(task, chosen, result.solution, f"{chosen.name}: {policy}")
    return result.row(task), charts


def compare(
    name: str,
    *,
    agents: Sequence[str],
    baselines: Sequence[str],
    instances: Sequence[str],
    pool: str,
    budget: float | None,
    moments: Sequence[float],
    repeats: int,
    margin: float | None,
    settings: Mapping[str, object],
    options: Mapping[str, object],
    seed: int,
    bar: Bar,
) -> JSON:
    """Score agents and baselines on the same instances and say who is better."""
    from drlapps.compare import compare
    from drlapps.evaluate import evaluate

    task = registry.get(name)
    env, chosen = stage(task, instances, pool, settings)
    own = [PRETRAINED] if task.pretrained else []
    words = [*(agents or own), *(baselines or [k for k, b in task.baselines.items() if b.compared])]
    if budget is not None:
        # On one thread, so that seconds are CPU seconds for everybody.
        options = {"workers": 1, **options, "time_limit": budget}
    contestants = [
        repeated(contestant(task, word, options), repeats) for word in dict.fromkeys(words)
    ]
    bar.start(sum(len(c.policies) for c in contestants) * len(chosen))
    results = evaluate(
        task, contestants, chosen, seed=seed, settings=env, on_result=bar.scored,
        keep_solutions=registry.needed_solutions(task, chosen),
    )  # fmt: skip
    comparison = compare(
        task,
        results,
        pool="" if instances else pool,
        train_cpu_seconds={c.name: c.train_cpu_seconds for c in contestants},
        margin=margin,
        budget=budget,
        moments=moments,
    )
    comparison["figures"] = _figures(task, chosen, comparison)
    return comparison


def _figures(task: Task, instances: Sequence[Any], comparison: JSON) -> list[JSON]:
    """Return chart specifications: the task's of all, then those of the showcase's solutions.

    The showcase is the first instance, and a policy's first solution of it is shown. Takes the
    solutions out of the results.
    """
    instance = instances[0]
    own = registry.comparison_figures(task, instances, comparison) if task.views else {}
    first: dict[str, tuple[JSON, Any]] = {}
    for row in comparison["results"]:
        solution = row.pop("solution")
        if row["instance"] == instance.name and solution is not None:
            first.setdefault(row["policy"], (row, solution))
    if not task.views:
        return []
    figures = [{"title": _words(name), "spec": chart.to_dict()} for name, chart in own.items()]
    for policy, (row, solution) in first.items():
        title = f"{instance.name}: {policy}, {task.metric.name} {row['metric']['value']:g}"
        for chart in registry.compared_figures(task, instance, solution, title).values():
            figures.append({"title": title, "spec": chart.to_dict()})
    return figures


def _words(name: str) -> str:
    """Return a chart's name as a title: ``rate-by-power`` becomes ``Rate by power``."""
    words = name.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def verify(directory: str) -> JSON:
    """Recompute the hashes of a run directory, or of each run in a directory of them."""
    from drlapps.artifact import verify

    runs = run_directories(Path(directory))
    problems = {str(run): verify(run) for run in runs}
    return {
        "directory": directory,
        "runs": [{"directory": run, "problems": found} for run, found in problems.items()],
        "ok": not any(problems.values()),
    }


def import_sb3(name: str, *, file: str, agent: str, out: str, trust: bool) -> JSON:
    """Turn an SB3 zip into a run directory; unpickles, so it needs the user's word."""
    from drlapps.train import import_zip

    if not trust:
        raise InputError(
            f"{file} is an SB3 zip: loading it can run any code in it; "
            "pass --trust if you know where it comes from"
        )
    return import_zip(name, agent, Path(file), out)
