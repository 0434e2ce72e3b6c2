"""One training run: progress, choice of the checkpoint on validation instances, exact resume."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
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
    weights_of,
    with_weights,
)
from drlapps.artifact import RunDirectory
from drlapps.errors import InputError
from drlapps.evaluate import score
from drlapps.files import load_tree, save_tensors, save_tree, write_rows
from drlapps.task import Task
from drlapps.vector import Array

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from drlapps.bridge import SB3Bridge

VALIDATION_SEED = 20_000


@dataclass(frozen=True)
class RunSpec:
    """One run, as JSON-able values.

    Attributes:
        task: id of the task, or ``path/to/file.py:NAME``.
        agent: name of the preset or algorithm.
        seed: of everything random in the run.
        directory: where the run lives.
        steps: environment steps, if not the preset's.
        hyperparameters: changes to the preset's.
        settings: ``--set`` values for environment and train pool.
        device: of the network.
        checkpoint_seconds: at least so much CPU time passes between two checkpoints.
    """

    task: str
    agent: str
    seed: int
    directory: str
    steps: int | None = None
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    device: str = "cpu"
    checkpoint_seconds: float = 10.0

    def __str__(self) -> str:
        return f"{self.task} {self.agent} seed {self.seed}"

    @classmethod
    def of(cls, directory: str | Path) -> RunSpec:
        """Return the spec that a run directory was made from.

        Raises:
            InputError: the directory holds no run.
        """
        manifest = RunDirectory.open(directory).manifest
        try:
            return replace(cls(**manifest["spec"]), directory=str(directory))
        except (KeyError, TypeError) as error:
            raise InputError(f"{directory}: the manifest holds no usable run spec") from error

    def preset(self) -> Preset:
        """Return the preset with the spec's changes."""
        task = registry.get(self.task)
        found = preset(task, self.agent)
        env, instances = registry.split_settings(task, self.settings)
        return replace(
            found,
            steps=self.steps or found.steps,
            hyperparameters={**found.hyperparameters, **self.hyperparameters},
            environment={**found.environment, **env},
            instances={**found.instances, **instances},
        )


def finished(spec: RunSpec) -> dict[str, Any] | None:
    """Return the manifest of a run that is complete already.

    Raises:
        InputError: the directory holds another run.
    """
    run = RunDirectory(spec.directory)
    if not run.manifest_path.exists():
        return None
    there = asdict(RunSpec.of(spec.directory))
    if {**there, "checkpoint_seconds": 0} != {**asdict(spec), "checkpoint_seconds": 0}:
        changed = ", ".join(k for k, v in asdict(spec).items() if there[k] != v)
        raise InputError(f"{spec.directory} holds another run (its {changed} differ)")
    return run.manifest if run.complete else None


def train(spec: RunSpec) -> dict[str, Any]:
    """Carry out a run, or continue it where it was killed; return its manifest.

    Raises:
        InputError: the agent cannot act in the environment, or a setting is impossible.
    """
    if (manifest := finished(spec)) is not None:
        return manifest
    import torch

    torch.set_num_threads(1)
    task, chosen = registry.get(spec.task), spec.preset()
    pool = registry.pool(task, "train", **chosen.instances)
    batch = registry.make(task, chosen.n_envs, pool, **chosen.environment)
    check_spaces(chosen.algorithm, batch)
    from drlapps.bridge import SB3Bridge
    from drlapps.callback import silent_logger

    bridge = SB3Bridge(batch)
    model = build(chosen, bridge, spec.seed, spec.device)
    model.set_logger(silent_logger(spec.directory))
    run = RunDirectory(spec.directory)
    if not run.manifest_path.exists():
        run = RunDirectory.create(spec.directory)
    progress = Progress(task, chosen, run, spec)
    run.write_manifest(
        spec=asdict(spec),
        task=task.id,
        agent=spec.agent,
        seed=spec.seed,
        recipe=chosen.recipe(),
        validation=[instance.hash for instance in progress.instances],
        train=sorted(i.hash for i in pool) if isinstance(pool, tuple | list) else "generated",
    )
    if run.checkpoint.exists():
        progress.resume(model, bridge)
    from drlapps.callback import RunCallback

    if model.num_timesteps < chosen.steps:
        model.learn(
            chosen.steps - model.num_timesteps,
            callback=RunCallback(progress, bridge),
            reset_num_timesteps=model.num_timesteps == 0,
        )
    progress.finish(model)
    return run.manifest


class Progress:
    """What a run has reached: its log, its best weights, its checkpoints.

    Args:
        task: whose run.
        chosen: the preset in force.
        run: the directory.
        spec: the run.
    """

    def __init__(self, task: Task, chosen: Preset, run: RunDirectory, spec: RunSpec) -> None:
        self.task, self.chosen, self.run, self.spec = task, chosen, run, spec
        validates = "validation" in task.pools and chosen.validate_every > 0
        self.instances = list(registry.pool(task, "validation")) if validates else []
        self.rows: list[dict[str, object]] = []
        self.best: dict[str, Array] = {}
        self.best_score = float("inf")
        self.validated = 0
        self._spent = 0.0
        self._started = self._saved = self._logged = time.process_time()

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the run so far, that of interrupted parts included."""
        return self._spent + time.process_time() - self._started

    def update(self, model: BaseAlgorithm, bridge: SB3Bridge) -> None:
        """Validate, log and save, each if it is due; called between two updates of the model."""
        due = self.chosen.validate_every and self.instances
        if due and model.num_timesteps >= self.validated + self.chosen.validate_every:
            self.validate(model)
        now = time.process_time()
        if now - self._logged >= min(2.0, self.spec.checkpoint_seconds):
            self._logged = now
            self.log(model)
        if now - self._saved >= self.spec.checkpoint_seconds and model.num_timesteps:
            self._saved = now
            self.save(model, bridge)

    def validate(self, model: BaseAlgorithm) -> None:
        """Score the greedy policy on the validation instances; keep its weights if best so far."""
        self.validated = model.num_timesteps
        weights = weights_of(model.policy)
        value = validation_score(self.task, self.chosen, weights, self.instances)
        if value <= self.best_score:
            self.best_score, self.best = value, weights
        self.log(model, validation=value)

    def log(self, model: BaseAlgorithm, validation: float | None = None) -> None:
        """Add a row to ``progress.csv``."""
        episodes = model.ep_info_buffer or ()
        row: dict[str, object] = {
            "steps": model.num_timesteps,
            "cpu_seconds": round(self.cpu_seconds, 2),
            "episode_return": float(np.mean([e["r"] for e in episodes])) if episodes else "",
            "validation": "" if validation is None else validation,
        }
        self.rows.append(row)
        write_rows(self.run.progress, self.rows)

    def save(self, model: BaseAlgorithm, bridge: SB3Bridge) -> None:
        """Write the checkpoint from which :meth:`resume` continues bit for bit."""
        from drlapps.callback import model_state

        state = {
            "model": model_state(model),
            "env": bridge.export_state(),
            "rows": self.rows,
            "best": self.best,
            "best_score": self.best_score,
            "validated": self.validated,
            "cpu_seconds": self.cpu_seconds,
        }
        save_tree(self.run.checkpoint, state)

    def resume(self, model: BaseAlgorithm, bridge: SB3Bridge) -> None:
        """Go back to the checkpoint."""
        from drlapps.callback import restore_model

        state = load_tree(self.run.checkpoint)
        bridge.reset()
        bridge.restore_state(state["env"])
        restore_model(model, state["model"])
        self.rows, self.best = state["rows"], state["best"]
        self.best_score, self.validated = state["best_score"], state["validated"]
        self._spent = state["cpu_seconds"]

    def finish(self, model: BaseAlgorithm) -> None:
        """Write the chosen weights and seal the run."""
        if self.instances and self.validated < model.num_timesteps:
            self.validate(model)
        self.log(model)
        save_tensors(self.run.weights, self.best or weights_of(model.policy))
        self.run.write_manifest(
            steps=model.num_timesteps,
            train_cpu_seconds=round(self.cpu_seconds, 2),
            validation_score=self.best_score if self.instances else None,
        )
        self.run.seal()


def validation_score(
    task: Task, chosen: Preset, weights: Mapping[str, Array], instances: list[Any]
) -> float:
    """Return the greedy policy's mean score on the instances; lower is better."""
    import torch

    from drlapps.evaluate import rollout

    numpy_state = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        agent = Agent(chosen, weights)
        env = registry.make(task, len(instances), instances, training=False, **chosen.environment)
        rollout(env, agent, instances, VALIDATION_SEED)
    np.random.set_state(numpy_state)
    values = [env.metrics(row)[task.metric.name] for row in range(len(instances))]
    return float(np.mean([score(task, v, i) for v, i in zip(values, instances, strict=True)]))


def load_agent(directory: str | Path) -> tuple[Agent, dict[str, Any]]:
    """Rebuild the agent of a run directory from the closed table; nothing is unpickled.

    Returns:
        The agent and the run's manifest.

    Raises:
        InputError: the directory is not a finished run, or was changed since.
    """
    from drlapps.artifact import verify
    from drlapps.files import load_tensors

    run = RunDirectory.open(directory)
    if problems := verify(directory):
        raise InputError(f"{directory}: {problems[0]}")
    manifest = run.manifest
    recipe = manifest.get("recipe", {})
    if recipe.get("algorithm") not in ALGORITHMS:
        raise InputError(f"{directory}: unknown algorithm {recipe.get('algorithm')!r}")
    own = preset(registry.get(manifest["spec"]["task"]), manifest["agent"])
    chosen = Preset(policy=own.policy, **recipe)
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
