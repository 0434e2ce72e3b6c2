"""Tables within the files that describe drives of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from drlapps.errors import InputError, unknown

SUFFIX = ".toml"


def entries(table: Mapping[str, Any], key: str, kind: type) -> dict[str, Any]:
    """Return the entries of a table within a file; none if it is left out.

    Args:
        table: of the whole file.
        key: of the table.
        kind: dataclass whose fields the entries are.

    Raises:
        InputError: it is no table, or has an entry that is no such field.
    """
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise InputError(f"{key} must be a table: write [{key}] above it")
    known = [field.name for field in fields(kind)]
    for name in found:
        if name not in known:
            raise unknown(f"entry of [{key}]", name, known)
    return found
