"""Portfolios from estimates of risk and return: the convex and risk-based baselines.

At each rebalancing the methods look at the latest ``lookback`` daily returns, estimate what they
need (:mod:`estimators`), and choose weights: by a quadratic program (:mod:`programs`), by a linear
program over the days as scenarios (:mod:`scenarios`), by equal contributions to risk
(:mod:`risk_parity`) or by a tree of clusters (:mod:`hierarchical`). All are long-only, fully
invested and keep the same limits on weights and turnover (:mod:`limits`); between two dates of
their calendar (:mod:`calendar`) they hold what they have. :mod:`policies` are the baselines.
"""
