"""Run directories: what the manifest records, and what verify finds."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drlapps import artifact
from drlapps.artifact import RunDirectory, git_commit, package_versions, verify
from drlapps.errors import InputError
from drlapps.files import (
    load_tensors,
    read_json,
    read_rows,
    save_tensors,
    save_tree,
    write_json,
    write_rows,
)


def make_run(path: Path) -> RunDirectory:
    """Return a sealed run with a file of each kind, one of them in a folder."""
    run = RunDirectory.create(path)
    run.write_manifest(task="scheduling/job-shop", seed=3)
    save_tensors(run.weights, {"layer": np.arange(4.0)})
    save_tree(run.checkpoint, {"step": 5})
    write_rows(run.progress, [{"step": 1, "score": 0.5}])
    write_rows(run.results, [{"instance": "ft06", "makespan": 55}])
    (path / "events").mkdir()
    (path / "events" / "log").write_bytes(b"binary\x00")
    run.seal()
    return run


@pytest.fixture
def sealed(tmp_path: Path) -> RunDirectory:
    """A sealed run."""
    return make_run(tmp_path / "run")


# --- provenance ---


def test_versions_are_those_of_the_installed_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "PACKAGES", ("numpy", "no-such-distribution"))
    assert package_versions() == {"numpy": np.__version__}
    monkeypatch.undo()
    for name, version in package_versions().items():
        assert importlib.metadata.version(name) == version
    assert {"torch", "gymnasium", "stable-baselines3", "sb3-contrib"} <= set(package_versions())


def git(folder: Path, *arguments: str) -> str:
    """Run git with a throw-away identity and no configuration of the machine."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=name", "-c", "user.email=name@example.org")
    command = ["git", "-C", str(folder), *identity, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip()


def test_the_commit_is_the_checkouts_and_says_when_files_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_commit.cache_clear()
    git(tmp_path, "init", "--quiet")
    assert git_commit(tmp_path) is None  # no commit yet
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    git(tmp_path, "tag", "v1")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert len(head) == 40
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    git_commit.cache_clear()
    assert git_commit(tmp_path) == head
    (tmp_path / "code.py").write_text("2")
    git_commit.cache_clear()
    assert git_commit(tmp_path) == f"{head}-dirty"
    monkeypatch.setenv("PATH", "")
    git_commit.cache_clear()
    assert git_commit(tmp_path) is None  # no git


def test_the_commit_of_a_surrounding_repository_is_not_ours(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "theirs")
    (tmp_path / "site-packages").mkdir()
    assert git_commit(tmp_path / "site-packages") is None


# --- the life of a run ---


def test_a_run_from_creation_to_seal(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "deep" / "run")
    assert not run.complete
    run.write_manifest(task="t", score=np.float64(0.25))
    assert run.manifest["status"] == "running"
    assert run.manifest["packages"] == package_versions()
    created = datetime.fromisoformat(run.manifest["created"])
    assert created.tzinfo == UTC
    run.write_manifest(score=0.5, steps=10)
    save_tensors(run.weights, {"x": np.zeros(2)})
    save_tree(run.checkpoint, {"step": 1})
    assert not run.complete
    run.seal()
    assert run.complete
    assert not run.checkpoint.exists()
    manifest = RunDirectory.open(run.path).manifest
    assert (manifest["task"], manifest["score"], manifest["steps"]) == ("t", 0.5, 10)
    assert datetime.fromisoformat(manifest["created"]) == created
    content = run.weights.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert manifest["files"] == {
        "weights.safetensors": {"sha256": digest, "bytes": len(content)},
    }
    assert verify(run.path) == []


def test_a_sealed_run_is_final_and_sealing_again_finishes_the_seal(sealed: RunDirectory) -> None:
    before = sealed.manifest_path.read_bytes()
    with pytest.raises(InputError, match="is sealed"):
        sealed.write_manifest(note="later")
    save_tree(sealed.checkpoint, {"step": 1})  # as if killed before the checkpoint was dropped
    assert verify(sealed.path) == ["'checkpoint.safetensors' is not listed in the manifest"]
    sealed.seal()
    assert sealed.manifest_path.read_bytes() == before
    assert verify(sealed.path) == []


def test_a_run_continued_under_other_packages_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory.create(tmp_path / "run")
    run.write_manifest(task="t")
    run.write_manifest(steps=1)
    assert run.manifest["resumed_with"] == []
    monkeypatch.setattr(artifact, "package_versions", lambda: {"torch": "99"})
    run.write_manifest(steps=2)
    run.write_manifest(steps=3)
    assert [entry["packages"] for entry in run.manifest["resumed_with"]] == [{"torch": "99"}]
    assert run.manifest["packages"] != {"torch": "99"}
    assert run.manifest["steps"] == 3


@pytest.mark.parametrize("field", ["status", "files", "created", "packages", "git_commit"])
def test_the_manifest_keeps_its_own_fields(tmp_path: Path, field: str) -> None:
    run = RunDirectory.create(tmp_path / "run")
    with pytest.raises(ValueError, match=f"keeps {field} itself"):
        run.write_manifest(**{field: "forged"})
    assert not run.manifest_path.exists()


def test_create_refuses_what_is_there(sealed: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="already holds a run"):
        RunDirectory.create(sealed.path)
    with pytest.raises(InputError, match="is not empty"):
        RunDirectory.create(tmp_path)
    with pytest.raises(InputError, match=r"cannot create .*File exists"):
        RunDirectory.create(sealed.weights)


def test_leftovers_of_killed_writes_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".drlapps-0123.tmp").write_text("half")
    run = RunDirectory.create(tmp_path)
    run.write_manifest(task="t")
    (tmp_path / ".drlapps-4567.tmp").write_text("half")
    run.seal()
    assert [entry.name for entry in tmp_path.iterdir()] == ["manifest.json"]
    assert verify(tmp_path) == []


def test_open_needs_a_readable_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a run directory: it has no manifest\.json"):
        RunDirectory.open(tmp_path)
    with pytest.raises(InputError, match="not a run directory"):
        RunDirectory.open(tmp_path / "nowhere")
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(InputError, match="not a JSON object"):
        RunDirectory.open(tmp_path)


def test_what_a_run_holds_reads_back(sealed: RunDirectory) -> None:
    tensors, _ = load_tensors(sealed.weights)
    np.testing.assert_array_equal(tensors["layer"], np.arange(4.0))
    assert read_rows(sealed.results) == [{"instance": "ft06", "makespan": "55"}]


# --- verify ---


def test_verify_accepts_a_good_run_wherever_it_lies(sealed: RunDirectory, tmp_path: Path) -> None:
    assert sorted(sealed.manifest["files"]) == [
        "events/log",
        "progress.csv",
        "results.csv",
        "weights.safetensors",
    ]
    moved = sealed.path.rename(tmp_path / "moved")
    (tmp_path / "latest").symlink_to(moved)
    assert verify(moved) == []
    assert verify(str(tmp_path / "latest")) == []


def flip_one_bit(run: Path) -> None:
    """Change a file but not its size."""
    content = bytearray((run / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (run / "weights.safetensors").write_bytes(content)


def edit(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest."""
    manifest = read_json(run / "manifest.json")
    change(manifest)
    write_json(run / "manifest.json", manifest)


def list_outsider(run: Path, name: str) -> None:
    """List a file outside the run, with its right hash."""
    outside = run.parent / "secret"
    outside.write_bytes(b"secret")
    fingerprint = {"sha256": hashlib.sha256(b"secret").hexdigest(), "bytes": 6}
    edit(run, lambda manifest: manifest["files"].update({name: fingerprint}))


def make_a_folder(run: Path) -> None:
    """Replace a file by a folder."""
    (run / "results.csv").unlink()
    (run / "results.csv").mkdir()


def link_to_a_copy(run: Path) -> None:
    """Replace a file by a link to the same content outside."""
    (run / "results.csv").rename(run.parent / "copy")
    (run / "results.csv").symlink_to(run.parent / "copy")


def link_a_folder(run: Path) -> None:
    """Replace a folder by a link to the same content outside."""
    (run / "events").rename(run.parent / "copies")
    (run / "events").symlink_to(run.parent / "copies", target_is_directory=True)


def link_the_manifest(run: Path) -> None:
    """Move the manifest outside and link to it."""
    (run / "manifest.json").rename(run.parent / "manifest")
    (run / "manifest.json").symlink_to(run.parent / "manifest")


TAMPERING: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "bit flipped": (flip_one_bit, ["'weights.safetensors' was changed"]),
    "truncated": (
        lambda run: (run / "results.csv").write_bytes(b""),
        ["'results.csv' was changed"],
    ),
    "removed": (lambda run: (run / "events" / "log").unlink(), ["'events/log' is missing"]),
    "added": (lambda run: (run / "x.pkl").touch(), ["'x.pkl' is not listed"]),
    "added below": (
        lambda run: (run / "events" / "manifest.json").touch(),
        ["'events/manifest.json' is not listed"],
    ),
    "renamed": (
        lambda run: (run / "progress.csv").rename(run / "other.csv"),
        ["'progress.csv' is missing", "'other.csv' is not listed"],
    ),
    "folder for file": (
        make_a_folder,
        ["'results.csv' is missing"],
    ),
    "entry malformed": (
        lambda run: edit(run, lambda manifest: manifest["files"].update({"results.csv": "x"})),
        ["'results.csv' was changed"],
    ),
    "unlisted": (
        lambda run: edit(run, lambda manifest: manifest["files"].pop("results.csv")),
        ["'results.csv' is not listed"],
    ),
    "no list": (
        lambda run: edit(run, lambda manifest: manifest.pop("files")),
        ["the manifest lists no files"],
    ),
    "unfinished": (
        lambda run: edit(run, lambda manifest: manifest.update(status="running")),
        ["the run is not complete (status 'running')"],
    ),
    "manifest cut": (
        lambda run: (run / "manifest.json").write_text('{"status": '),
        ["manifest.json is not valid JSON"],
    ),
    "manifest gone": (lambda run: (run / "manifest.json").unlink(), ["it has no manifest.json"]),
    "manifest linked": (link_the_manifest, ["manifest.json is a symbolic link"]),
    "parent": (lambda run: list_outsider(run, "../secret"), ["'../secret' is refused"]),
    "hidden parent": (
        lambda run: list_outsider(run, "events/../../secret"),
        ["'events/../../secret' is refused"],
    ),
    "absolute": (
        lambda run: list_outsider(run, str(run.parent / "secret")),
        ["is refused: the name leads out"],
    ),
    "Windows parent": (lambda run: list_outsider(run, "..\\secret"), ["is refused: the name"]),
    "Windows drive": (lambda run: list_outsider(run, "C:secret"), ["'C:secret' is refused"]),
    "linked file": (
        link_to_a_copy,
        ["'results.csv' is refused: it is a symbolic link", "'results.csv' is missing"],
    ),
    "linked folder": (
        link_a_folder,
        ["'events' is refused: it is a symbolic link", "'events/log' is missing"],
    ),
    "dangling link": (
        lambda run: (run / "link").symlink_to("nowhere"),
        ["'link' is refused: it is a symbolic link"],
    ),
    "pipe": (lambda run: os.mkfifo(run / "pipe"), ["'pipe' is refused: it is not a plain file"]),
    "terminal codes": (lambda run: (run / "\x1b[2J").touch(), ["'\\x1b[2J' is not listed"]),
}


@pytest.mark.parametrize(("tamper", "expected"), TAMPERING.values(), ids=TAMPERING.keys())
def test_verify_finds_tampering(
    sealed: RunDirectory, tamper: Callable[[Path], object], expected: list[str]
) -> None:
    tamper(sealed.path)
    problems = verify(sealed.path)
    assert len(problems) == len(expected)
    for problem, words in zip(problems, expected, strict=True):
        assert words in problem


def test_verify_says_when_there_is_nothing(tmp_path: Path) -> None:
    assert verify(tmp_path / "none") == [
        f"{tmp_path / 'none'} is not a run directory: it has no manifest.json"
    ]


def test_verify_reports_what_it_cannot_read(
    sealed: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def guarded(path: Any) -> Any:
        if Path(path).name == "events":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)
    first, second = verify(sealed.path)
    assert first.endswith("events' cannot be read: Permission denied")
    assert second == "'events/log' is missing"
    monkeypatch.undo()

    def refuse(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(hashlib, "file_digest", refuse)
    problems = verify(sealed.path)
    assert len(problems) == 4
    assert all(problem.endswith("cannot be read: Input/output error") for problem in problems)


def test_seal_refuses_links(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run")
    run.write_manifest(task="t")
    save_tree(run.checkpoint, {"step": 1})
    (run.path / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match=r"cannot seal .*'link' is refused"):
        run.seal()
    assert not run.complete
    assert run.checkpoint.exists()


def test_the_manifest_is_plain_json_that_others_can_check(sealed: RunDirectory) -> None:
    manifest = json.loads(sealed.manifest_path.read_text(encoding="utf-8"))
    for name, entry in manifest["files"].items():
        content = (sealed.path / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
