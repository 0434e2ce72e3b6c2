"""The clairvoyant bound: the best that could have been done, costs included, knowing the future.

With a cost proportional to each trade and no limits on weights, terminal wealth is linear in the
dollars moved, and the best policy holds all wealth in one asset at a time: the linear program is
a generalised network whose optimal vertex is a path. :func:`best_path` finds it by dynamic
programming; with limits on weights, :func:`best_weights` solves the linear program itself.

References:
    Nagy & Benedek 2021, "Higher co-moments and adjusted Sharpe ratios for cryptocurrencies" is not
    about this; see
    Ahuja, Magnanti & Orlin 1993, "Network Flows", chapter 15, for generalised networks;
    Cover & Thomas 2006, "Elements of Information Theory", chapter 16, for growth in hindsight.
"""
