"""What people write on the command line, turned into values."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from drlapps.errors import InputError, unknown


def parse(settings: Sequence[str], **more: object) -> dict[str, object]:
    """Return the values of ``key=value`` words; a value is read as TOML, else as a string.

    Args:
        settings: the words.
        more: further values, left out where they are ``None``.

    Raises:
        InputError: a word is not of that form, or a key stands twice.
    """
    found: dict[str, object] = {}
    for word in settings:
        key, equals, text = word.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            raise InputError(f"{word!r} is not of the form KEY=VALUE")
        if key in found:
            raise InputError(f"{key!r} is set twice")
        found[key] = _value(text)
    return {**found, **{key: value for key, value in more.items() if value is not None}}


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def words(lists: Sequence[str]) -> list[str]:
    """Return the words of repeated options that may also hold several, by commas."""
    return [word.strip() for entry in lists for word in entry.split(",") if word.strip()]


def seconds(text: str) -> list[float]:
    """Return the times of ``2,10``.

    Raises:
        InputError: one is no positive number.
    """
    found = []
    for word in words([text]):
        try:
            value = float(word)
        except ValueError:
            value = 0.0
        if not 0 < value < math.inf:
            raise InputError(f"--at takes positive numbers of seconds, not {word!r}")
        found.append(value)
    return found


def defaults(config: Path, known: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Return the options that a TOML file sets, one table a command.

    Args:
        config: the file.
        known: the options of each command.

    Raises:
        InputError: the file is missing, is no TOML, or names what is no command or option.
    """
    from drlapps.files import read_toml

    found = read_toml(config)
    for command, options in found.items():
        if command not in known:
            raise unknown(f"command in {config}", command, known)
        if not isinstance(options, Mapping):
            raise InputError(f"{config}: {command} must be a table of options")
        for option in options:
            if option not in known[command]:
                raise unknown(f"option of {command} in {config}", option, known[command])
    return found


def writable(path: Path | None, suffixes: Sequence[str]) -> None:
    """Refuse an output that cannot be written, before the work begins.

    Raises:
        InputError: the suffix is unknown or the directory does not exist.
    """
    if path is None:
        return
    if path.suffix not in suffixes:
        raise InputError(f"{path} must end in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no directory {path.parent}")
