"""Policy networks over the set of assets: blind to their order, indifferent to their number.

Every network here reads one row for cash and one for each asset, embeds all assets with the same
weights, and scores each of them; cash has weights of its own. What was learned on twenty stocks
therefore acts on fifty. Rows marked absent influence nothing.

==================================  ==========================
policy class                        for the agents
==================================  ==========================
:class:`PortfolioPolicy`            ``ppo``, ``a2c``, ``trpo``
:class:`PortfolioRecurrentPolicy`   ``recurrent-ppo``
:class:`PortfolioSACPolicy`         ``sac``
:class:`PortfolioTD3Policy`         ``td3``, ``ddpg``
==================================  ==========================

The window of daily returns is summarised by one of :data:`~.cells.CELLS`; :class:`.encoder.Network`
lists the settings that all four classes share.
"""

from __future__ import annotations

from drlapps.finance.portfolio.networks.off_policy import PortfolioSACPolicy, PortfolioTD3Policy
from drlapps.finance.portfolio.networks.on_policy import PortfolioPolicy, PortfolioRecurrentPolicy

__all__ = [
    "PortfolioPolicy",
    "PortfolioRecurrentPolicy",
    "PortfolioSACPolicy",
    "PortfolioTD3Policy",
]
