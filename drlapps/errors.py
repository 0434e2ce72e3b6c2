"""Errors that the command line prints as one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_ALIKE, _WORSE = 0.5, 0.1
"""How alike a suggestion must be, from 0 to 1, and how much less than the best one it may be."""


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
    near = {choice: difflib.SequenceMatcher(None, choice, name).ratio() for choice in choices}
    # What is much less alike than the nearest is no help beside it.
    least = max(_ALIKE, max(near.values(), default=0.0) - _WORSE)
    close = sorted((c for c in choices if near[c] >= least), key=lambda c: -near[c])[:3]
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(choices[:20])}."
    return InputError(f"unknown {kind} {name!r}; {hint}")
