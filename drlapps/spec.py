"""What a training run is made from, as plain values that a manifest keeps."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from drlapps import registry
from drlapps.agents import Preset, preset
from drlapps.artifact import RunDirectory
from drlapps.errors import InputError
from drlapps.hyperparameters import plain

_LEAST = {"steps": 1, "n_envs": 1, "validate_every": 0}


@dataclass(frozen=True)
class RunSpec:
    """One run, as JSON-able values.

    Attributes:
        task: id of the task, or ``path/to/file.py:NAME``.
        agent: name of the preset or algorithm.
        seed: of everything random in the run.
        directory: where the run lives.
        steps: environment steps, if not the preset's.
        hyperparameters: changes to the preset's; also to its ``n_envs``, ``validate_every`` and
            to what its ``policy_kwargs`` say.
        settings: ``--set`` values for environment and train pool.
        device: of the network.
        checkpoint_seconds: at least so much CPU time passes between two checkpoints; 0 writes
            one before every rollout.
        start: directory of a finished run of the task whose weights this one begins with; its
            network must be the same, its algorithm need not.
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
    start: str = ""

    def __str__(self) -> str:
        return f"{self.task} {self.agent} seed {self.seed}"

    @classmethod
    def of(cls, directory: str | Path) -> RunSpec:
        """Return the spec that a run directory was made from, to continue it.

        Raises:
            InputError: the directory holds no run, or one of a task in a file: continuing it
                would import whatever file the manifest names.
        """
        spec = _stored(directory)
        if ".py:" in spec.task:
            raise InputError(
                f"{directory} is a run of a task in a file, which is only imported when you name "
                f"it; continue it with: {spec.command()} --out {Path(directory).parent}"
            )
        return spec

    def command(self) -> str:
        """Return the command line that makes this run: the recipe."""
        words = ["drlapps", "train", self.task, "--agent", self.agent]
        words += ["--first-seed", str(self.seed), "--seeds", "1"]
        words += ["--steps", str(self.steps)] if self.steps else []
        words += ["--start", self.start] if self.start else []
        for flag, values in (("--hyper", self.hyperparameters), ("--set", self.settings)):
            for key, value in values.items():
                words += [flag, f"{key}={_toml(value)}"]
        return shlex.join(words)

    def preset(self) -> Preset:
        """Return the preset with the spec's changes.

        Raises:
            InputError: a change is impossible.
        """
        task = registry.get(self.task)
        found = preset(task, self.agent)
        env, instances = registry.split_settings(task, self.settings)
        hyperparameters: dict[str, Any] = dict(self.hyperparameters)
        network = hyperparameters.pop("policy_kwargs", {})
        if not isinstance(network, Mapping):
            raise InputError(f"policy_kwargs must be a table, not {network!r}")
        sizes = {name: hyperparameters.pop(name, getattr(found, name)) for name in _LEAST}
        if self.steps is not None:
            sizes["steps"] = self.steps
        for name, least in _LEAST.items():
            if type(sizes[name]) is not int or sizes[name] < least:
                raise InputError(
                    f"{name} must be a whole number from {least} on, not {sizes[name]!r}"
                )
        return replace(
            found,
            **sizes,
            hyperparameters={**found.hyperparameters, **hyperparameters},
            policy_kwargs={**found.policy_kwargs, **network},
            environment={**found.environment, **env},
            instances={**found.instances, **instances},
        )


def _stored(directory: str | Path) -> RunSpec:
    """Return the spec in a manifest; nothing that it names is looked at."""
    manifest = RunDirectory.open(directory).manifest
    try:
        spec = replace(RunSpec(**manifest["spec"]), directory=str(directory))
    except (KeyError, TypeError) as error:
        raise InputError(f"{directory}: the manifest holds no usable run spec") from error
    if not (isinstance(spec.task, str) and isinstance(spec.agent, str)):
        raise InputError(f"{directory}: the manifest holds no usable run spec")
    return spec


def _toml(value: object) -> str:
    """Return a JSON-able value as the command line reads it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def finished(spec: RunSpec) -> dict[str, Any] | None:
    """Return the manifest of a run that is complete already.

    Raises:
        InputError: the directory holds another run.
    """
    run = RunDirectory(spec.directory)
    if not run.manifest_path.exists():
        return None
    there, here = (plain(asdict(one)) for one in (_stored(spec.directory), spec))
    changed = [key for key in here if here[key] != there[key] and key != "checkpoint_seconds"]
    if changed:
        raise InputError(f"{spec.directory} holds another run (its {', '.join(changed)} differ)")
    if not run.complete:
        return None
    # A run killed while it was sealed may have left its checkpoint behind.
    run.seal()
    return run.manifest
