"""Limit order book: make a market with real orders that queue behind others, level by level.

Where :mod:`drlapps.finance.market_making` fills a quote by a formula of its distance, here there is
a book: prices are whole ticks, sizes lots, and an order joins behind those that rest at its price.
The setting is that of Sadighian 2019 and 2020: 17 discrete actions that place one bid and one ask
at levels of the book, a limit on the position, several book steps to a decision, profit and loss of
open lots by first in, first out, and a choice of reward functions.

**The book** is either simulated or replayed, and both feed one fill logic (:mod:`.matching`):

- Simulated (:mod:`.flow`), after Cont, Stoikov & Talreja 2010. Unit orders come as Poisson
  processes: limit orders at distance ``i`` from the opposite best price at rate ``k / i^alpha``,
  market orders at rate ``mu`` a side, and each resting lot is cancelled at rate ``theta``. With a
  ``bias`` market orders lean to one direction, which flips at random.
- Replayed (:mod:`.replay`): a CSV of snapshots with the volume traded between them.

**Fills.** One's own orders are of one lot and leave the book as it is (the usual assumption of
replays). An order at a price waits for the lots that rest there when it joins, and for its own.
What trades at its price, or a worse one, shortens the wait; so do cancellations, but only once less
rests at the price than waits ahead: they are taken from behind. When the opposite best
price reaches or passes an order, it fills at its own price.

References:
    Sadighian 2019, "Deep Reinforcement Learning in Cryptocurrency Market Making", arXiv 1911.08647;
    Sadighian 2020, "Extending Deep Reinforcement Learning Frameworks in Cryptocurrency Market
    Making", arXiv 2004.06985;
    Cont, Stoikov & Talreja 2010, "A stochastic model for order book dynamics", Operations Research
    58(3).
"""
