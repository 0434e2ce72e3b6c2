"""What was tried on some data: the price of choosing the best of many strategies."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from drlapps.errors import InputError
from drlapps.files import read_rows


class Trials(NamedTuple):
    """The strategies tried on some data: their number and the variance of their Sharpe ratios.

    Attributes:
        number: trials, the one that was chosen included.
        variance: of the Sharpe ratios of a single period, over number - 1; 0 for a single trial.
    """

    number: int
    variance: float

    @classmethod
    def of(cls, sharpes: ArrayLike) -> Trials:
        """Return the trials with these Sharpe ratios of a single period, shape (trials,).

        A NaN stands for a trial without a ratio, such as a policy that held cash. It counts as a
        trial and does not enter the variance.
        """
        ratios = np.asarray(sharpes, dtype=np.float64)
        known = ratios[np.isfinite(ratios)]
        return cls(ratios.size, float(known.var(ddof=1)) if len(known) > 1 else 0.0)


@dataclass(frozen=True)
class Trial:
    """One strategy tried on some data: a row of the trial log.

    Attributes:
        data: hash of the data.
        start: first day, or its position in undated data.
        end: last day.
        policy: what acted: a baseline's name, or agent and seed.
        settings: digest of its settings and those of the environment.
        sharpe: Sharpe ratio of a single period; NaN if it has none.
        days: length of the record.
    """

    data: str
    start: str
    end: str
    policy: str
    settings: str
    sharpe: float
    days: int


class TrialLog:
    """A CSV file that remembers every strategy tried, for the deflated Sharpe ratio.

    A row is added by one write to the end of the file, so that several processes may log at once.
    A trial repeated on the same data, period, policy and settings counts once, as last recorded.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def append(self, trial: Trial) -> None:
        """Add a trial; the file appears with the first one.

        Raises:
            InputError: if the file is no trial log, which is left as it is, or cannot be written.
        """
        known = self.read()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not known:
            writer.writerow(_COLUMNS)
        writer.writerow(astuple(trial))
        try:
            with open(self.path, "ab", buffering=0) as file:
                file.write(text.getvalue().encode())
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror or error}") from error

    def read(self) -> list[Trial]:
        """Return the trials, each once; none if there is no file yet.

        Raises:
            InputError: if the file is no trial log or a row is malformed; names the row.
        """
        trials = {}
        for number, row in enumerate(self._rows(), start=1):
            if tuple(row.values()) == _COLUMNS:
                continue  # two processes began the file at the same moment
            data, start, end, policy, settings, sharpe, days = row.values()
            try:
                trial = Trial(data, start, end, policy, settings, float(sharpe), int(days))
            except ValueError as error:
                raise InputError(f"{self.path}, trial {number}: {error}") from error
            trials[data, start, end, policy, settings] = trial
        return list(trials.values())

    def trials(self, data: str) -> Trials:
        """Return the number of trials on data of this hash and the variance of their ratios."""
        return Trials.of([trial.sharpe for trial in self.read() if trial.data == data])

    def _rows(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        rows = read_rows(self.path)
        # Without rows the reader does not tell the header; others may have added some by now.
        text = "" if rows else self.path.read_text("utf-8-sig")
        header = (
            tuple(rows[0]) if rows else tuple(text.strip().partition("\n")[0].strip().split(","))
        )
        if header not in (_COLUMNS, ("",)):
            raise InputError(f"{self.path} is no trial log: its columns are {', '.join(header)}")
        return rows


_COLUMNS = tuple(field.name for field in fields(Trial))
