"""One training run: progress, choice of the checkpoint on validation instances, exact resume."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps import registry
from drlapps.agents import (
    ALGORITHMS,
    Agent,
    Preset,
    build,
    build_policy,
    check_spaces,
    preset,
)
from drlapps.artifact import RunDirectory
from drlapps.errors import InputError
from drlapps.evaluate import score
from drlapps.files import load_tree, save_tensors, save_tree, write_rows
from drlapps.spec import RunSpec, finished
from drlapps.task import Task
from drlapps.threads import one_thread
from drlapps.vector import Array, Instance, VectorEnvironment
from drlapps.weights import weights_of, with_weights

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from drlapps.bridge import SB3Bridge

__all__ = ["RunSpec", "finished", "import_zip", "load_agent", "train"]

VALIDATION_SEED = 20_000
LOG_SECONDS = 2.0
CHECKPOINT_SHARE = 0.05
"""At most this share of a run's CPU time goes into checkpoints, large replay buffers included."""


def train(spec: RunSpec) -> dict[str, Any]:
    """Carry out a run, or continue it where it was killed; return its manifest.

    A run whose algorithm or environment cannot be stored half-way starts over instead; it ends
    with the same weights.

    Raises:
        InputError: the agent cannot act in the environment, or a setting is impossible.
    """
    if (manifest := finished(spec)) is not None:
        return manifest
    with one_thread():
        return _train(spec)


def _train(spec: RunSpec) -> dict[str, Any]:
    from drlapps.bridge import SB3Bridge
    from drlapps.callback import RunCallback, logger

    task, chosen = registry.get(spec.task), spec.preset()
    pool = registry.pool(task, "train", **chosen.instances)
    batch = registry.make(task, chosen.n_envs, pool, **chosen.environment)
    check_spaces(chosen.algorithm, batch)
    bridge = SB3Bridge(batch)
    model = build(chosen, bridge, spec.seed, spec.device, task)
    run = RunDirectory(spec.directory)
    if spec.start and not run.checkpoint.exists():
        with_weights(model.policy, load_agent(spec.start, task)[0].weights)
    progress = Progress(task, chosen, run, spec, bridge)
    progress.check_validation(model)
    if not run.manifest_path.exists():
        RunDirectory.create(spec.directory)
    run.write_manifest(
        spec=asdict(spec),
        command=spec.command(),
        task=task.id,
        agent=spec.agent,
        seed=spec.seed,
        recipe=chosen.recipe(),
        validation=[instance.hash for instance in progress.instances],
        train=sorted(i.hash for i in pool) if isinstance(pool, tuple | list) else "generated",
    )
    model.set_logger(logger(spec.directory))
    random = progress.resume(model) if run.checkpoint.exists() else None
    if model.num_timesteps < chosen.steps:
        model.learn(
            chosen.steps - model.num_timesteps,
            callback=RunCallback(progress.update, random),
            reset_num_timesteps=model.num_timesteps == 0,
        )
    model.logger.close()
    progress.finish(model)
    batch.close()
    return run.manifest


class Progress:
    """What a run has reached: its log, its best weights, its checkpoints.

    Args:
        task: whose run.
        chosen: the preset in force.
        run: the directory.
        spec: the run.
        bridge: the training batch.
    """

    def __init__(
        self, task: Task, chosen: Preset, run: RunDirectory, spec: RunSpec, bridge: SB3Bridge
    ) -> None:
        self.task, self.chosen, self.run, self.spec, self.bridge = task, chosen, run, spec, bridge
        validates = "validation" in task.pools and chosen.validate_every > 0
        self.instances = _validation(task, chosen) if validates else []
        self.rows: list[dict[str, object]] = []
        self.best: dict[str, Array] = {}
        self.best_score = (float("inf"), float("inf"))
        self.validated = 0
        self._resumes = ALGORITHMS[chosen.algorithm].resumes and bridge.batch.EXPORTABLE
        self._spent = self._cost = 0.0
        self._started = self._saved = self._logged = time.process_time()

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the run so far, that of interrupted parts included."""
        return self._spent + time.process_time() - self._started

    @cached_property
    def _env(self) -> VectorEnvironment:
        """The validation batch."""
        return registry.make(
            self.task,
            len(self.instances),
            self.instances,
            training=False,
            **self.chosen.environment,
        )

    def check_validation(self, model: BaseAlgorithm) -> None:
        """Refuse, before anything is spent, a network that cannot act on the validation pool.

        Raises:
            InputError: its size is that of the training instances only.
        """
        if self.instances:
            spaces = self._env.single_observation_space, self._env.single_action_space
            if spaces != (model.observation_space, model.action_space):
                with _random_state_kept():
                    with_weights(build_policy(self.chosen, *spaces), weights_of(model.policy))

    def update(self, model: BaseAlgorithm) -> None:
        """Validate, log and save, each if it is due; called between two updates of the model."""
        due = self.chosen.validate_every and self.instances
        if due and model.num_timesteps >= self.validated + self.chosen.validate_every:
            self.validate(model)
        now, wait = time.process_time(), self.spec.checkpoint_seconds
        if now - self._logged >= min(LOG_SECONDS, wait):
            self._logged = now
            self.log(model)
        wait = wait and max(wait, self._cost / CHECKPOINT_SHARE)
        if self._resumes and model.num_timesteps and now - self._saved >= wait:
            self.save(model)
            self._saved = time.process_time()
            self._cost = self._saved - now

    def validate(self, model: BaseAlgorithm) -> None:
        """Score the greedy policy on the validation instances; keep its weights if best so far."""
        self.validated = model.num_timesteps
        weights = weights_of(model.policy)
        with _random_state_kept():
            agent = Agent(self.chosen, weights)
            infeasible, value = validation_score(self.task, agent, self._env, self.instances)
        if (infeasible, value) <= self.best_score:
            self.best_score, self.best = (infeasible, value), weights
        self.log(model, validation=value, infeasible=infeasible)

    def log(self, model: BaseAlgorithm, **scores: float) -> None:
        """Add a row to ``progress.csv``."""
        returns = self.bridge.latest_returns
        row: dict[str, object] = {
            "steps": model.num_timesteps,
            "cpu_seconds": round(self.cpu_seconds, 2),
            "episode_return": float(np.mean(returns)) if returns else "",
            "validation": scores.get("validation", ""),
            "infeasible": scores.get("infeasible", ""),
        }
        self.rows.append(row)
        write_rows(self.run.progress, self.rows)

    def save(self, model: BaseAlgorithm) -> None:
        """Write the checkpoint from which :meth:`resume` continues bit for bit."""
        from drlapps.callback import model_state, random_state

        state = {
            "model": model_state(model),
            "random": random_state(model),
            "env": self.bridge.export_state(),
            "rows": self.rows,
            "best": self.best,
            "best_score": self.best_score,
            "validated": self.validated,
            "cpu_seconds": self.cpu_seconds,
        }
        save_tree(self.run.checkpoint, state)

    def resume(self, model: BaseAlgorithm) -> Mapping[str, Any]:
        """Go back to the checkpoint; return the random state with which the next rollout starts.

        Raises:
            InputError: the checkpoint does not fit the run.
        """
        from drlapps.callback import restore_model

        state = load_tree(self.run.checkpoint)
        try:
            self.bridge.restore_state(state["env"])
            restore_model(model, state["model"])
            self.rows, self.best = state["rows"], state["best"]
            self.best_score, self.validated = state["best_score"], state["validated"]
            self._spent = state["cpu_seconds"]
            random: Mapping[str, Any] = state["random"]
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.run.checkpoint} does not fit this run ({error}); "
                "remove it to start the run over"
            ) from error
        return random

    def finish(self, model: BaseAlgorithm) -> None:
        """Write the chosen weights and seal the run."""
        if self.instances and self.validated < model.num_timesteps:
            self.validate(model)
        self.log(model)
        save_tensors(self.run.weights, self.best or weights_of(model.policy))
        self.run.write_manifest(
            steps=model.num_timesteps,
            train_cpu_seconds=round(self.cpu_seconds, 2),
            validation_score=self.best_score[1] if self.instances else None,
        )
        self.run.seal()


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Hide the draws of the block from training."""
    import torch

    state = np.random.get_state()  # noqa: NPY002 - SB3 draws from it
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _validation(task: Task, chosen: Preset) -> list[Instance]:
    """Return the validation pool, which follows the train pool in the settings that both have."""
    settings = registry.accepted(task, "validation", chosen.instances)
    return list(registry.pool(task, "validation", **settings))


def validation_score(
    task: Task, agent: Agent, env: VectorEnvironment, instances: list[Any]
) -> tuple[float, float]:
    """Return the agent's share of infeasible solutions and its mean score; lower is better."""
    from drlapps.evaluate import rollout

    rollout(env, agent, instances, VALIDATION_SEED)
    found = [env.metrics(row) for row in range(len(instances))]
    scores = [
        score(task, metrics[task.metric.name], instance)
        for metrics, instance in zip(found, instances, strict=True)
    ]
    infeasible = float(np.mean([not metrics["feasible"] for metrics in found]))
    return infeasible, float(np.mean(scores))


def load_agent(directory: str | Path, task: Task | None = None) -> tuple[Agent, dict[str, Any]]:
    """Rebuild the agent of a run directory from the closed table; nothing is unpickled.

    Args:
        directory: of the run.
        task: the task it must have been trained for; by default the installed one that the
            manifest names. A file that the manifest names is never imported.

    Returns:
        The agent and the run's manifest.

    Raises:
        InputError: the directory is not a finished run of the task, or was changed since.
    """
    from drlapps.artifact import verify
    from drlapps.files import load_tensors

    run = RunDirectory.open(directory)
    if problems := verify(directory):
        raise InputError(f"{directory}: {problems[0]}")
    manifest = run.manifest
    name, agent, recipe = (manifest.get(key) for key in ("task", "agent", "recipe"))
    if not (isinstance(name, str) and isinstance(agent, str) and isinstance(recipe, dict)):
        raise InputError(f"{directory}: the manifest names no task, agent and recipe")
    if task is None:
        if name not in registry.tasks():
            raise InputError(f"{directory} was trained for {name}, which is no installed task")
        task = registry.tasks()[name]
    if name != task.id:
        raise InputError(f"{directory} was trained for {name}, not for {task.id}")
    try:
        chosen = preset(task, agent).with_recipe(recipe)
    except InputError as error:
        raise InputError(f"{directory}: {error}") from error
    weights, _ = load_tensors(run.weights)
    return Agent(chosen, weights), manifest


def import_zip(name: str, agent: str, file: Path, directory: str) -> dict[str, Any]:
    """Turn an SB3 zip into a run directory. This unpickles the zip: only for trusted files.

    Args:
        name: task the agent was trained for.
        agent: the preset or algorithm that fits the zip's network.
        file: the zip.
        directory: of the run to be made.

    Returns:
        The manifest.

    Raises:
        InputError: the zip cannot be loaded, or its network is not that of the agent.
    """
    task = registry.get(name)
    chosen = preset(task, agent)
    if not file.is_file():
        raise InputError(f"no such file: {file}")
    try:
        model = registry.load(ALGORITHMS[chosen.algorithm].cls).load(file, device="cpu")
    except Exception as error:
        raise InputError(f"{file} is no {chosen.algorithm} zip: {error}") from error
    weights = weights_of(model.policy)
    spaces = model.observation_space, model.action_space
    with_weights(build_policy(chosen, *spaces), weights)
    spec = RunSpec(name, agent, seed=int(model.seed or 0), directory=directory)
    run = RunDirectory.create(directory)
    save_tensors(run.weights, weights)
    run.write_manifest(
        spec=asdict(spec),
        task=task.id,
        agent=agent,
        seed=spec.seed,
        recipe=chosen.recipe(),
        validation=[],
        train="imported",
        steps=model.num_timesteps,
        train_cpu_seconds=0.0,
        validation_score=None,
    )
    run.seal()
    return run.manifest
