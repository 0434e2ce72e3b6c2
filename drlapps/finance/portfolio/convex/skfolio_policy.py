"""Any estimator of skfolio as a policy: the optional extra ``drlapps[skfolio]``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from drlapps.errors import InputError
from drlapps.finance.portfolio.allocation import Matrix, Vector
from drlapps.finance.portfolio.convex import programs
from drlapps.finance.portfolio.convex.limits import Admissible
from drlapps.finance.portfolio.convex.policies import Estimated


class Skfolio(Estimated):
    """A portfolio that an estimator of ``skfolio.optimization`` chooses.

    Derive from it in a file of your own and name the estimator there::

        class MyPortfolio(Skfolio):
            ESTIMATOR = "HierarchicalEqualRiskContribution"

    then ``drlapps backtest --policy mine.py:MyPortfolio``. Limits of weight and turnover beyond the
    estimator's own are kept by the admissible portfolio that is nearest to its choice.
    """

    ESTIMATOR: ClassVar[str] = "MeanRisk"
    ARGUMENTS: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        """Find the estimator.

        Raises:
            InputError: skfolio is not installed, or has no such estimator.
        """
        super().__post_init__()
        try:
            found = importlib.import_module("skfolio.optimization")
        except ImportError as error:
            raise InputError("skfolio is not installed: pip install 'drlapps[skfolio]'") from error
        if not hasattr(found, self.ESTIMATOR):
            raise InputError(f"skfolio.optimization has no estimator {self.ESTIMATOR!r}")
        self._estimator = getattr(found, self.ESTIMATOR)

    def portfolio(self, returns: Matrix, admissible: Admissible) -> Vector:
        """Return the weights of the estimator fitted to the returns of the window."""
        fitted = self._estimator(**self.ARGUMENTS).fit(returns)
        return programs.nearest(admissible, np.asarray(fitted.weights_, np.float64))
