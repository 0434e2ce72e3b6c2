"""Serial inventory: a supply chain of stages, each supplied by the next, customers at its end.

Clark and Scarf's system under periodic review. Stage 1 serves customers; stage ``j`` is supplied by
stage ``j + 1``, stage ``N`` by the outside world. Demand ``D`` of mean ``mu`` a period comes to
stage 1 and waits where it is not met. Goods shipped to stage ``j`` can be used, by its customers or
the next stage, after ``L_j`` periods' demand: an order of stage 1 meets the demand of this period
and the next ``L_1 - 1``. At the end of a period a unit costs ``h_j + ... + h_N`` at stage ``j`` or
under way from it, and a customer who waits costs ``p``: with ``h_j`` the *echelon* rate, what a
unit costs more at ``j`` than one stage up, that is ``h_j`` for all that is at stage ``j`` or
further down. The outside world's shipments cost nothing under way. Minimise the long-run cost per
period. It is optimal to raise each echelon's position (all that is at, below and under way to the
stage, less backorders) to a fixed level (:mod:`.clark_scarf`).

**Orders and backlogs.** In each period all stages order, on what they know of all; a supplier that
lacks stock ships what it has and owes the rest. Nothing is ever cancelled.

**The value of a policy on one path.** Realised costs are noisy: 1000 periods tell the optimal
policy's mean to 1 %, where good policies differ by 0.1 %. This task's metric, ``expected_cost``,
has the same long-run mean and hardly any noise. At the time of a decision let ``x_j`` be what is at
stage ``j`` and below, less backorders, and ``y_j`` the same with what is under way to ``j``, this
period's shipment included. A stage ships no more than it has, so ``y_j <= x_{j+1}``, whatever the
policy. What is now shipped arrives behind ``L_j`` periods' demand, ``x_j(t + L_j) = y_j(t) -
D(t, L_j)``, and the end-of-period stock that is charged at ``j`` is ``x_j`` before the next
decision. So each period's cost can be split by echelon and charged to the decision that caused it,
``L_j`` periods earlier, in expectation::

    C_1(y_1) + sum_{j>1} h_j (y_j - L_j mu),    C_1(y) = E[ h_1 (y - D_1) + (p + H) (y - D_1)^- ]

with ``D_j`` the demand of ``L_j`` periods and ``H = h_1 + ... + h_N``. Moving charges in time by a
fixed number of periods does not change a long-run mean. Now take functions ``C_j`` with ``C_j(y) =
h_j (y - L_j mu) + E[ C_{j-1}(min(S_{j-1}, y - D_j)) ]``, and put ``h_j (y_j - L_j mu) = C_j(y_j) -
E[ C_{j-1}(min(S_{j-1}, x_j(t + L_j))) ]`` into the sum. Moving the last terms in time again gives
the metric::

    expected_cost = mean over t of  C_N(y_N) + sum_{j<N} ( C_j(y_j) - C_j(min(S_j, x_{j+1})) )

where all is known at time ``t``. It holds for any policy and any ``S``. With Clark and Scarf's
functions, ``C_j`` being least at ``S_j`` and falling before it, each bracket is what stage ``j``
loses by not going to ``min(S_j, x_{j+1})``, the best that it can reach, and is never negative: no
policy is below ``C_N(S_N)``, the optimum, in any period, and the optimal one attains it in every
period once its start is over. The realised ``cost`` stands beside it.

Where demand is not the same in every period, or orders take time (:mod:`.beer_game`), there is no
such function, and ``expected_cost`` is ``cost``.

References:
    Clark & Scarf 1960, "Optimal policies for a multi-echelon inventory problem", Management
    Science 6(4);
    Federgruen & Zipkin 1984, "Computational issues in an infinite-horizon, multiechelon inventory
    model", Operations Research 32(4);
    Axsäter & Rosling 1993, "Installation vs. echelon stock policies for multilevel inventory
    control", Management Science 39(10);
    Shang & Song 2003, "Newsvendor bounds and heuristic for optimal policies in serial supply
    chains", Management Science 49(5);
    Snyder & Shen 2019, "Fundamentals of Supply Chain Theory", 2nd edition, Wiley, section 6.2.
"""
