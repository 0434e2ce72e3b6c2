"""Portfolio trading: how to spread wealth over assets, day after day, when trading costs money.

At the close of day t the policy sees prices up to t and names target weights w of cash and n
assets. They are reached later, by default at the next close (or open), so that no price is both
seen and traded on. Between trades the weights drift with the prices,

    w~_i = w_i x_i / (w . x),    x_i = p_i(t+1) / p_i(t),

and each dollar traded costs a proportional fee, half the spread and, where asked for, a
square-root impact. Wealth after a trade is mu times wealth before it, with mu the solution of

    mu = 1 - sum_i c_i |mu w_i - w~_i|

(the transaction remainder factor of Jiang, Xu & Liang 2017), c_i the cost of a dollar of asset i.

The six classic sets of online portfolio selection are replayed by the convention of the OLPS
toolbox (Li, Sahoo & Hoi 2016): decide and trade at the same close, pay by the factor
1 - (c/2) sum_i |w_i - w~_i|, and divide w~ by the return net of costs.

Units: wealth starts at 1; weights are shares of wealth; costs are basis points of each dollar
traded on either side (in the OLPS convention, of each dollar turned over: half of it a side).
"""
