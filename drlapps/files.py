"""Files that appear whole or not at all, and hold data only: JSON, CSV and safetensors.

Nothing here pickles or unpickles, so reading a file that a stranger handed over runs no code.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from drlapps.errors import InputError

Array: TypeAlias = npt.NDArray[Any]

TEMPORARY = ".drlapps-*.tmp"
"""Names of temporary files; one that a killed write left behind may be removed."""

_TENSOR_TYPES = frozenset(
    f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)
) | {"bool", "float16", "float32", "float64", "complex64"}


def write_atomic(path: str | Path, data: bytes | str) -> None:
    """Write a file so that its name shows the old content or the new one, never a part.

    The data go to a temporary file beside the target, reach the disk, and are renamed over it.

    Args:
        path: the file; its directory must exist.
        data: the content; text is encoded as UTF-8, with what it lacks (the unpaired
            surrogates of undecodable file names) escaped as JSON does.

    Raises:
        InputError: if the file cannot be written there (no such directory, no permission, disk
            full). Nothing is left behind.
    """
    path = Path(path)
    content = data if isinstance(data, bytes) else data.encode(errors="backslashreplace")
    temporary = path.parent / TEMPORARY.replace("*", secrets.token_hex(8))
    try:
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


def _sync_directory(path: Path) -> None:
    """Make a rename in ``path`` last through a power cut, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start})") from error


def json_text(obj: object) -> str:
    """Return ``obj`` as strict, indented JSON.

    Numpy arrays and scalars become lists and numbers, paths become strings, and numbers that
    JSON cannot express (NaN, infinities) become ``null``. Exact storage is :func:`save_tree`'s.

    Raises:
        TypeError: if ``obj`` holds anything else that JSON has no form for.
    """
    return json.dumps(_plain(obj), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(obj: object) -> object:
    if isinstance(obj, np.ndarray | np.generic):
        return _plain(obj.tolist())
    if isinstance(obj, Mapping):
        return {key: _plain(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [_plain(value) for value in obj]
    if isinstance(obj, float) and not math.isfinite(obj):
        return None
    return str(obj) if isinstance(obj, Path) else obj


def write_json(path: str | Path, obj: object) -> None:
    """Write ``obj`` as JSON (see :func:`json_text`), atomically."""
    write_atomic(path, json_text(obj))


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: if the file is missing or not JSON; names the line and the column.
    """
    text = _read_text(Path(path))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{path} is not valid JSON: {error.msg} at {where}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not usable JSON: {error}") from error


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: if the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path} is no TOML: {error}") from error


def write_rows(path: str | Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as CSV with a header, atomically.

    The columns are the keys in order of first appearance; a missing key or ``None`` gives an
    empty cell. Floats are written with the fewest digits that read back to the same number.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [_csv_line([row.get(column) for column in columns]) for row in rows]
    write_atomic(path, "".join([_csv_line(columns), *lines]) if columns else "")


def _csv_line(cells: Sequence[object]) -> str:
    # Written with CRLF, so that a cell with either character gets quotes, but ended with LF.
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """Read the rows of a CSV file with a header; every cell is a string.

    Raises:
        InputError: if the file is missing, malformed, or has a row of the wrong length.
    """
    reader = csv.reader(io.StringIO(_read_text(Path(path)), newline=""), strict=True)
    rows: list[dict[str, str]] = []
    try:
        header = next(reader, [])
        for cells in filter(None, reader):
            if len(cells) != len(header):
                wrong = f"{len(cells)} cells where the header has {len(header)}"
                raise InputError(f"{path}, line {reader.line_num}: {wrong}")
            rows.append(dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}") from error
    return rows


def save_tensors(
    path: str | Path, tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays and a few strings to one safetensors file, atomically.

    Equal arguments give equal bytes, so that the hash of the file speaks for the arrays.

    Args:
        path: the file.
        tensors: arrays of any shape and layout; booleans, integers, floats of at
            most 64 bits, complex64.
        metadata: strings kept in the header.

    Raises:
        TypeError: if an array's type has no safetensors form.
        InputError: if the file cannot be written.
    """
    from safetensors.numpy import save

    for name, array in tensors.items():
        if array.dtype.name not in _TENSOR_TYPES:
            raise TypeError(f"tensor {name!r}: {array.dtype} has no safetensors form")
    if "__metadata__" in tensors:
        raise ValueError("'__metadata__' is no name for a tensor")
    # The serialiser reads raw memory: without C order it would write the wrong elements.
    contiguous = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    data = save(contiguous, dict(metadata) if metadata else None)
    # It also writes the metadata in an order that changes from process to process.
    size = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:size]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    write_atomic(path, len(header).to_bytes(8, "little") + header + data[size:])


def load_tensors(path: str | Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Read the arrays and the metadata of a safetensors file; nothing in it is executed.

    Raises:
        InputError: if the file is missing, truncated, corrupted or of unknown array types.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, dict(file.metadata() or {})
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except (SafetensorError, OSError, AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a readable safetensors file: {error}") from error


def flatten(tree: object) -> tuple[dict[str, Array], object]:
    """Split a nested value into arrays and a JSON structure; :func:`unflatten` undoes it exactly.

    Args:
        tree: dicts (with any keys that may stand here as values), lists, tuples, ``None``,
            ``bool``, ``int``, ``float``, ``str``, numpy arrays and numpy scalars, nested freely.

    Returns:
        The arrays by the path at which they stand, and the structure, which names them.

    Raises:
        TypeError: if the tree holds anything else; names the place.
    """
    arrays: dict[str, Array] = {}
    structure = _encode(tree, "", arrays)
    return arrays, structure


def _encode(node: object, path: str, arrays: dict[str, Array]) -> object:
    kind = type(node)
    if node is None or kind in (bool, int, str):
        return node
    if isinstance(node, np.generic):
        return {"scalar": _keep(np.asarray(node), path, arrays)}
    if isinstance(node, np.ndarray) and kind is np.ndarray:
        return {"array": _keep(node, path, arrays)}
    if isinstance(node, float) and kind is float:
        return node if math.isfinite(node) else {"float": repr(node)}
    if isinstance(node, dict):
        pairs = [
            [_encode(key, f"{path}/key", arrays), _encode(value, f"{path}/{key}", arrays)]
            for key, value in node.items()
        ]
        return {"dict": pairs}
    if isinstance(node, list | tuple) and kind in (list, tuple):
        items = [_encode(item, f"{path}/{index}", arrays) for index, item in enumerate(node)]
        return items if kind is list else {"tuple": items}
    raise TypeError(f"cannot store a {kind.__qualname__} (at {path or '/'})")


def _keep(array: Array, path: str, arrays: dict[str, Array]) -> str:
    """File ``array`` under its path and return the name, made unique where two paths read alike."""
    stem = name = (path or "/").encode("ascii", "backslashreplace").decode()
    count = 1
    while name in arrays:
        count += 1
        name = f"{stem}~{count}"
    arrays[name] = array
    return name


def unflatten(arrays: Mapping[str, Array], structure: object) -> Any:
    """Put back together what :func:`flatten` took apart.

    Raises:
        InputError: if the structure is malformed or names an array that is not there.
    """
    match structure:
        case None | bool() | int() | float() | str():
            return structure
        case list(items):
            return [unflatten(arrays, item) for item in items]
        case {"tuple": list(items)}:
            return tuple(unflatten(arrays, item) for item in items)
        case {"dict": list(pairs)} if all(_is_pair(item) for item in pairs):
            built = [(unflatten(arrays, key), unflatten(arrays, value)) for key, value in pairs]
            try:
                return dict(built)
            except TypeError as error:
                raise InputError(f"malformed tree: {error}") from error
        case {"array": str(name)} if name in arrays:
            return arrays[name]
        case {"scalar": str(name)} if name in arrays and arrays[name].ndim == 0:
            return arrays[name][()]
        case {"float": "nan" | "inf" | "-inf" as text}:
            return float(text)
    raise InputError(f"malformed tree: {str(structure)[:80]!r}")


def _is_pair(item: object) -> bool:
    return isinstance(item, list) and len(item) == 2


def save_tree(path: str | Path, tree: object) -> None:
    """Write a tree (see :func:`flatten`) to one safetensors file: a checkpoint in one rename."""
    arrays, structure = flatten(tree)
    save_tensors(path, arrays, {"tree": json.dumps(structure)})


def load_tree(path: str | Path) -> Any:
    """Read what :func:`save_tree` wrote.

    Raises:
        InputError: if the file is missing, corrupted or holds no tree.
    """
    arrays, metadata = load_tensors(path)
    try:
        return unflatten(arrays, json.loads(metadata["tree"]))
    except KeyError as error:
        raise InputError(f"{path} holds tensors but no tree") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} holds no readable tree: {error}") from error
