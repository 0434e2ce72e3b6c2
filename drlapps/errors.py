"""Errors that the command line prints as one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input: the message is one clear sentence naming what is wrong and where."""


class Failure(RuntimeError):
    """The work itself failed, through no fault of the input."""


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a name that does not exist, with the nearest ones as a suggestion.

    Args:
        kind: what the name should have been, e.g. ``"task"``.
        name: what was given.
        known: the names that exist.
    """
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(choices[:20])}."
    return InputError(f"unknown {kind} {name!r}; {hint}")
