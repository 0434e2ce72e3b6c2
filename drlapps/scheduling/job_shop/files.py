"""Job-shop instances from files and to text.

Three formats are read:

* The **standard text format** of the benchmarks: a line ``jobs machines``, then one line for each
  job with a pair ``machine duration`` for each machine, in the order of the route. Machines count
  from 0. ``#`` starts a comment. A line that ends with ``-1 -1`` may hold any number of pairs (the
  extension of Da Col and Teppan, 2022, for jobs that skip machines or return to one).
* **Taillard's format**: a line starting ``jobs machines``, the word ``Times`` and a matrix of
  durations, the word ``Machines`` and a matrix of machines, which count from 1.
* **JSON** (suffix ``.json``): an object with ``durations`` and ``machines``, one list for each
  job, machines counting from 0, and optionally ``name``, ``lower_bound``, ``upper_bound``, one
  number for each job under ``release``, ``due`` and ``weights``, and under ``closed`` the windows
  in which machines are closed: ``{"0": [[480, 1440], [1920, 2880]]}`` closes machine 0 from 480 to
  1440 and from 1920 to 2880.

References:
    Da Col, G., Teppan, E. C. (2022). Industrial-size job shop scheduling with constraint
    programming. Operations Research Perspectives, 9, 100249.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from drlapps.errors import InputError, unknown
from drlapps.scheduling.job_shop.shop import JobShop

SUFFIXES = (".txt", ".jsp", ".json")
"""Endings by which a word is known to be a file."""

PER_JOB = ("release", "due", "weights")
"""Keys of the JSON object with one number for each job, all optional."""

KEYS = ("name", "durations", "machines", *PER_JOB, "closed", "lower_bound", "upper_bound")
"""Keys of the JSON object."""

END = [-1, -1]
"""The pair that ends a line of free length."""


def read(path: str | PathLike[str]) -> JobShop:
    """Read an instance from a file, named after the file unless it says otherwise.

    Raises:
        InputError: if the file cannot be read or is malformed; the message says where.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"there is no file {str(path)!r}") from None
    except IsADirectoryError:
        raise InputError(f"{str(path)!r} is a directory, not an instance file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from None
    parse = parse_json if path.suffix.lower() == ".json" else parse_text
    return parse(text, name=path.stem, source=str(path))


class _Line(NamedTuple):
    """The words of a line that says something, and where it stands."""

    source: str
    number: int
    words: list[str]

    def error(self, problem: str) -> InputError:
        return InputError(f"{self.source}, line {self.number}: {problem}")

    def integers(self) -> list[int]:
        for word in self.words:
            if not re.fullmatch(r"[+-]?[0-9]{1,18}", word):
                raise self.error(f"{_short(word)} is not a whole number")
        return [int(word) for word in self.words]


def parse_text(text: str, *, name: str, source: str = "") -> JobShop:
    """Read an instance from the standard text format or from Taillard's.

    Args:
        text: content of the file.
        name: name of the instance.
        source: what error messages call the file; its name if empty.

    Raises:
        InputError: if the text is malformed; the message names the line.
    """
    source = source or name
    lines = list(_lines(text, source))
    if not lines:
        raise InputError(f"{source} contains no instance")
    if any(_is_title(line, "times") for line in lines):
        return _parse_matrices(lines, name)
    header = lines[0].integers()
    if len(header) != 2:
        raise lines[0].error(f"expected the numbers of jobs and machines, found {len(header)}")
    count, machines = _size(lines[0], header)
    rows = _exactly(lines[0], lines[1:], count, "job")
    jobs = [_job(line, index, machines) for index, line in enumerate(rows)]
    return _build(source, name, jobs)


def _lines(text: str, source: str) -> Iterator[_Line]:
    for number, line in enumerate(text.splitlines(), start=1):
        if words := line.partition("#")[0].split():
            yield _Line(source, number, words)


def _is_title(line: _Line, title: str) -> bool:
    return [word.lower() for word in line.words] == [title]


def _size(line: _Line, header: Sequence[int]) -> tuple[int, int]:
    if min(header[:2]) < 1:
        raise line.error("the numbers of jobs and machines must be at least 1")
    return header[0], header[1]


def _exactly(header: _Line, lines: Sequence[_Line], count: int, what: str) -> Sequence[_Line]:
    """Return ``lines`` if there are ``count`` of them, else complain after the last."""
    if len(lines) < count:
        last = lines[-1] if lines else header
        raise last.error(f"the file ends after {len(lines)} of {count} lines, one for each {what}")
    if len(lines) > count:
        raise lines[count].error(f"unexpected data after the {count} lines, one for each {what}")
    return lines


def _job(line: _Line, index: int, machines: int) -> list[tuple[int, int]]:
    """Return the ``(machine, duration)`` pairs of a line of the standard format."""
    numbers = line.integers()
    free = numbers[-2:] == END
    if free:
        numbers = numbers[:-2]
    if free and (not numbers or len(numbers) % 2):
        raise line.error(f"job {index} has {len(numbers)} numbers before -1 -1, not pairs")
    if not free and len(numbers) != 2 * machines:
        raise line.error(
            f"job {index} has {len(numbers)} numbers, expected {2 * machines}: "
            f"machine and duration of {machines} operations"
        )
    job = list(zip(numbers[::2], numbers[1::2], strict=True))
    for operation, (machine, duration) in enumerate(job):
        if not 0 <= machine < machines:
            raise line.error(
                f"operation {operation} of job {index} is on machine {machine}, "
                f"but the machines are 0 to {machines - 1}"
            )
        if duration < 0:
            raise line.error(
                f"operation {operation} of job {index} has the negative duration {duration}"
            )
    return job


def _parse_matrices(lines: Sequence[_Line], name: str) -> JobShop:
    """Read Taillard's format."""
    start = next(index for index, line in enumerate(lines) if _is_title(line, "times"))
    heads = [line for line in lines[:start] if line.words[0].isdecimal()]
    if not heads or len(heads[0].words) < 2:
        raise lines[start].error("expected the numbers of jobs and machines before 'Times'")
    count, machines = _size(heads[0], heads[0].integers())
    middle = next(
        (index for index, line in enumerate(lines) if _is_title(line, "machines")), len(lines)
    )
    if middle == len(lines):
        raise lines[-1].error("expected a matrix under the word 'Machines'")
    durations = _exactly(lines[start], lines[start + 1 : middle], count, "job")
    routes = _exactly(lines[middle], lines[middle + 1 :], count, "job")
    jobs = []
    for index, (times, route) in enumerate(zip(durations, routes, strict=True)):
        row = list(zip(_row(route, index, machines), _row(times, index, machines), strict=True))
        for machine, duration in row:
            if not 1 <= machine <= machines:
                raise route.error(
                    f"job {index} visits machine {machine}, but the machines are 1 to {machines}"
                )
            if duration < 0:
                raise times.error(f"job {index} has the negative duration {duration}")
        jobs.append([(machine - 1, duration) for machine, duration in row])
    return _build(lines[0].source, name, jobs)


def _row(line: _Line, index: int, machines: int) -> list[int]:
    numbers = line.integers()
    if len(numbers) != machines:
        raise line.error(f"job {index} has {len(numbers)} numbers, expected {machines}")
    return numbers


def parse_json(text: str, *, name: str, source: str = "") -> JobShop:
    """Read an instance from the JSON object that the module describes.

    Args:
        text: content of the file.
        name: name of the instance if the object has none.
        source: what error messages call the file; ``name`` if empty.

    Raises:
        InputError: if the text is malformed; the message names the place.
    """
    source = source or name
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{source}, {place}: invalid JSON: {error.msg}") from None
    except (RecursionError, ValueError):
        raise InputError(f"{source} is nested too deep or has numbers too long") from None
    if not isinstance(document, dict):
        raise InputError(f"{source}: expected an object with 'durations' and 'machines'")
    for key in document:
        if key not in KEYS:
            raise InputError(f"{source}: {unknown('key', key, KEYS)}")
    title = document.get("name", name)
    if not isinstance(title, str):
        raise InputError(f"{source}: name is {_short(title)}, not text")
    durations, machines = (
        _matrix(document, "durations", source),
        _matrix(document, "machines", source),
    )
    if [len(row) for row in durations] != [len(row) for row in machines]:
        raise InputError(f"{source}: durations and machines differ in their numbers of entries")
    jobs = [
        list(zip(route, times, strict=True))
        for route, times in zip(machines, durations, strict=True)
    ]
    extras: dict[str, Any] = {}
    for key in PER_JOB:
        extras[key] = _numbers(document.get(key, []), key, source)
        if extras[key] and len(extras[key]) != len(jobs):
            raise InputError(f"{source}: {key} has {len(extras[key])} numbers for {len(jobs)} jobs")
    for key in ("lower_bound", "upper_bound"):
        value = document.get(key)
        extras[key] = None if value is None else _number(value, key, source)
    extras["closed"] = _windows(document.get("closed", {}), source)
    return _build(source, title, jobs, **extras)


def _matrix(document: dict[str, object], key: str, source: str) -> list[list[int]]:
    if key not in document:
        raise InputError(f"{source}: the key {key!r} is missing")
    rows = document[key]
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{source}: {key} is not a list with one list for each job")
    matrix = [_numbers(row, f"{key}[{index}]", source) for index, row in enumerate(rows)]
    if [] in matrix:
        raise InputError(f"{source}: {key}[{matrix.index([])}] is empty")
    return matrix


def _numbers(values: object, place: str, source: str) -> list[int]:
    if not isinstance(values, list):
        raise InputError(f"{source}: {place} is {_short(values)}, not a list")
    return [_number(value, f"{place}[{index}]", source) for index, value in enumerate(values)]


def _windows(calendar: object, source: str) -> list[tuple[int, int, int]]:
    """Return the rows ``(machine, start, end)`` of an object from machines to closed windows."""
    if not isinstance(calendar, dict):
        raise InputError(f"{source}: closed is {_short(calendar)}, not an object")
    rows = []
    for machine, windows in calendar.items():
        place = f"closed[{_short(machine)}]"
        if not re.fullmatch(r"[0-9]{1,9}", machine):
            raise InputError(f"{source}: {place} names no machine; they count from 0")
        if not isinstance(windows, list):
            raise InputError(f"{source}: {place} is {_short(windows)}, not a list of windows")
        for index, window in enumerate(windows):
            ends = _numbers(window, f"{place}[{index}]", source)
            if len(ends) != 2:
                raise InputError(f"{source}: {place}[{index}] has {len(ends)} numbers, not 2")
            rows.append((int(machine), ends[0], ends[1]))
    return rows


def _number(value: object, place: str, source: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{source}: {place} is {_short(value)}, not a whole number")
    if not 0 <= value < 2**31:
        raise InputError(f"{source}: {place} is {value}, not between 0 and {2**31 - 1}")
    return value


def _build(
    source: str, name: str, jobs: Sequence[Sequence[tuple[int, int]]], **extras: Any
) -> JobShop:
    """Make the instance, and let what it finds wrong name the file."""
    try:
        return JobShop.from_jobs(name, jobs, **extras)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def to_text(instance: JobShop) -> str:
    """Return the instance in the standard text format, which has no place for bounds.

    Raises:
        InputError: if it has release dates, due dates, weights or closed machines, for which there
            is no place either.
    """
    extras = {
        "release dates": instance.release.any(),
        "due dates": instance.due.size,
        "weights": (instance.weights != 1).any(),
        "closed machines": instance.closed.size,
    }
    if found := [what for what, there in extras.items() if there]:
        raise InputError(
            f"{instance.name} has {' and '.join(found)}, which the text format lacks; "
            "write it as JSON"
        )
    rows = _rows(instance)
    end = "" if all(len(row) == instance.n_machines for row in rows) else " -1 -1"
    lines = [f"# {' '.join(instance.name.split())}", f"{instance.jobs} {instance.n_machines}"]
    lines += [" ".join(f"{machine} {time}" for machine, time in row) + end for row in rows]
    return "\n".join(lines) + "\n"


def to_json(instance: JobShop) -> str:
    """Return the instance as the JSON object that the module describes, a line for each job."""
    rows = _rows(instance)
    fields = {
        "name": json.dumps(instance.name),
        "durations": _lists([[time for _, time in row] for row in rows]),
        "machines": _lists([[machine for machine, _ in row] for row in rows]),
    }
    for key, usual in {"release": 0, "due": None, "weights": 1}.items():
        values = getattr(instance, key).tolist()
        if any(value != usual for value in values):
            fields[key] = json.dumps(values)
    if instance.closed.size:
        windows = {machine: row for machine, row in enumerate(instance.windows) if row}
        fields["closed"] = json.dumps(windows)
    for key in ("lower_bound", "upper_bound"):
        if (bound := getattr(instance, key)) is not None:
            fields[key] = json.dumps(bound)
    body = ",\n".join(f'  "{key}": {value}' for key, value in fields.items())
    return f"{{\n{body}\n}}\n"


def _rows(instance: JobShop) -> list[list[tuple[int, int]]]:
    return [
        list(zip(route[:length], times[:length], strict=True))
        for route, times, length in zip(
            instance.machines.tolist(),
            instance.durations.tolist(),
            instance.lengths.tolist(),
            strict=True,
        )
    ]


def _lists(rows: list[list[int]]) -> str:
    return "[\n" + ",\n".join(f"    {row}" for row in rows) + "\n  ]"
