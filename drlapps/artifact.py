"""Run directories: the files of a training run and a manifest that vouches for them.

The manifest carries the size and the sha256 of every other file, and :func:`verify` recomputes
them.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from drlapps.errors import InputError
from drlapps.files import TEMPORARY, read_json, write_json

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
CHECKPOINT = "checkpoint.safetensors"
PROGRESS = "progress.csv"
RESULTS = "results.csv"

PACKAGES = ("drlapps", "torch", "numpy", "gymnasium", "stable-baselines3", "sb3-contrib")

_RESERVED = frozenset(
    ("created", "status", "python", "packages", "git_commit", "resumed_with", "files")
)


def package_versions() -> dict[str, str]:
    """Return the versions of the installed packages that decide a run's numbers."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


@functools.cache
def git_commit(root: Path = Path(__file__).parent.parent) -> str | None:
    """Return the commit of the checkout at ``root``, ``-dirty`` appended if it was changed since.

    ``None`` where ``root`` is not the top of a checkout, has no commit, or git is missing.
    """
    if not (root / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    # Inside a git hook GIT_DIR points elsewhere; and describing must not lock the index.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _surroundings() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "packages": package_versions(),
        "git_commit": git_commit(),
    }


class RunDirectory:
    """The files of one run and the manifest that vouches for them.

    Attributes:
        path: the directory.
        weights: the policy's tensors.
        checkpoint: the state from which an interrupted run continues; removed at the seal.
        progress: one row per evaluation during training.
        results: one row per (policy, instance).
    """

    def __init__(self, path: str | Path) -> None:
        """Name the files; nothing is read or written."""
        self.path = Path(path)
        self.manifest_path = self.path / MANIFEST
        self.weights = self.path / WEIGHTS
        self.checkpoint = self.path / CHECKPOINT
        self.progress = self.path / PROGRESS
        self.results = self.path / RESULTS

    @classmethod
    def create(cls, path: str | Path) -> RunDirectory:
        """Make an empty run directory, with its parents.

        Raises:
            InputError: if something else is already there.
        """
        run = cls(path)
        try:
            run.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot create {run.path}: {error.strerror or error}") from error
        run._sweep()
        if any(run.path.iterdir()):
            kind = "already holds a run" if run.manifest_path.exists() else "is not empty"
            raise InputError(f"{run.path} {kind}")
        return run

    @classmethod
    def open(cls, path: str | Path) -> RunDirectory:
        """Return an existing run directory, finished or not.

        Raises:
            InputError: if there is no readable manifest.
        """
        run = cls(path)
        run.manifest  # noqa: B018  (reads it)
        return run

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, read anew each time.

        Raises:
            InputError: if it is missing, a symbolic link, or not a JSON object.
        """
        if self.manifest_path.is_symlink():
            raise InputError(f"{self.manifest_path} is a symbolic link")
        if not self.manifest_path.exists():
            raise InputError(f"{self.path} is not a run directory: it has no {MANIFEST}")
        manifest = read_json(self.manifest_path)
        if not isinstance(manifest, dict):
            raise InputError(f"{self.manifest_path} is not a JSON object")
        return manifest

    @property
    def complete(self) -> bool:
        """Whether the run is there and sealed."""
        return self.manifest_path.exists() and self.manifest.get("status") == "complete"

    def write_manifest(self, **fields: object) -> None:
        """Add fields to the manifest, or replace them.

        The first call also records when the run was created and under which Python, packages
        and git commit; a later call under different ones appends them to ``resumed_with``.

        Raises:
            ValueError: if a field is one that the manifest keeps itself.
            InputError: if the run is sealed.
        """
        if reserved := _RESERVED & fields.keys():
            raise ValueError(f"the manifest keeps {', '.join(sorted(reserved))} itself")
        if self.complete:
            raise InputError(f"{self.path} is sealed; its manifest cannot be changed")
        here = _surroundings()
        if self.manifest_path.exists():
            manifest = self.manifest
            resumed = manifest.setdefault("resumed_with", [])
            latest = resumed[-1] if resumed else {key: manifest.get(key) for key in here}
            if here != latest:
                resumed.append(here)
        else:
            created = datetime.now(UTC).isoformat(timespec="seconds")
            manifest = {"created": created, "status": "running", **here}
        write_json(self.manifest_path, manifest | fields)

    def seal(self) -> None:
        """Declare the run finished: record every file's size and sha256, drop the checkpoint.

        Raises:
            InputError: if the directory holds symbolic links or other things than plain files.
        """
        manifest = self.manifest
        if manifest.get("status") != "complete":
            self._sweep()
            names, refused = _scan(self.path)
            if refused:
                raise InputError(f"cannot seal {self.path}: {refused[0]}")
            kept = (name for name in names if name not in (MANIFEST, CHECKPOINT))
            files = {name: _fingerprint(self.path / name) for name in kept}
            write_json(self.manifest_path, manifest | {"status": "complete", "files": files})
        # Last, so that a run killed on the way can still be continued; sealing again finishes it.
        self.checkpoint.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove the temporary files of writes that were killed."""
        for leftover in self.path.glob(TEMPORARY):
            leftover.unlink()


def verify(path: str | Path) -> list[str]:
    """Compare a finished run directory with its manifest.

    Only plain files found inside the directory are opened, whatever the manifest names. The
    manifest itself is the root of trust: who can rewrite it can rewrite the hashes.

    Returns:
        The problems, one sentence each: an unreadable manifest, an unfinished run, missing,
        changed and unlisted files, names and links that leave the directory. Empty means good.
    """
    run = RunDirectory(path)
    try:
        manifest = run.manifest
    except InputError as error:
        return [str(error)]
    if manifest.get("status") != "complete":
        return [f"the run is not complete (status {manifest.get('status')!r})"]
    listed = manifest.get("files")
    if not isinstance(listed, dict):
        return ["the manifest lists no files"]
    present, problems = _scan(run.path)
    for name, entry in sorted(listed.items()):
        if _escapes(name):
            problems.append(f"{name!r} is refused: the name leads out of the run directory")
        elif name not in present:
            problems.append(f"{name!r} is missing")
        else:
            problems += _compare(run.path / name, name, entry)
    unlisted = sorted(set(present) - set(listed) - {MANIFEST})
    return problems + [f"{name!r} is not listed in the manifest" for name in unlisted]


def _compare(path: Path, name: str, entry: object) -> list[str]:
    try:
        same = _fingerprint(path) == entry
    except OSError as error:
        return [f"{name!r} cannot be read: {error.strerror or error}"]
    return [] if same else [f"{name!r} was changed: size or sha256 differ from the manifest"]


def _escapes(name: str) -> bool:
    """Whether a relative name, read as any system reads it, could lead out of its directory."""
    return any(
        kind(name).anchor != "" or ".." in kind(name).parts
        for kind in (PurePosixPath, PureWindowsPath)
    )


def _scan(root: Path) -> tuple[list[str], list[str]]:
    """Return the plain files under ``root`` by relative name, and what is refused there."""
    files: list[str] = []
    refused: list[str] = []

    def unreadable(error: OSError) -> None:
        refused.append(f"{error.filename!r} cannot be read: {error.strerror}")

    for directory, folders, names in os.walk(root, onerror=unreadable):
        for entry in (Path(directory, name) for name in sorted(folders + names)):
            name = entry.relative_to(root).as_posix()
            mode = entry.lstat().st_mode
            if stat.S_ISLNK(mode):
                refused.append(f"{name!r} is refused: it is a symbolic link")
            elif stat.S_ISREG(mode):
                files.append(name)
            elif not stat.S_ISDIR(mode):
                refused.append(f"{name!r} is refused: it is not a plain file")
    return files, refused


def _fingerprint(path: Path) -> dict[str, object]:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"sha256": digest, "bytes": file.tell()}
