"""Market making: quote a bid and an ask, earn the spread, do not end up with the inventory.

A market maker quotes to buy one unit at ``S - delta_b`` and to sell one at ``S + delta_a`` around a
mid-price ``S`` that is a Brownian motion. Market orders come at rate ``lambda`` on each side; one
fills a quote ``delta`` away from the mid with probability ``exp(-kappa delta)``. So a wide quote
earns more and trades less, and the inventory ``q`` that trades leave behind is at the mercy of the
price. Over a horizon ``T`` cut into ``N`` steps of ``dt``, with ``X`` the cash, maximise::

    E[ X_T + q_T S_T - alpha q_T^2 - phi sum_t q_t^2 dt ] - (X_0 + q_0 S_0),    |q_t| <= Q

the objective of Cartea and Jaimungal. The running penalty ``phi`` is the risk aversion ``gamma`` of
Avellaneda and Stoikov in other units, ``phi = gamma sigma^2 / 2``: both charge the same variance.

**A fill in one step.** A quote fills at most once a step. The two laws of the literature: under
``poisson`` the probability is ``1 - exp(-lambda dt exp(-kappa delta))``, that at least one order of
the Poisson stream digs deep enough; under ``bernoulli`` it is ``lambda dt exp(-kappa delta)``, its
first order in ``dt``. They have the same limit, but at 200 steps they are 12 % of the profit apart.

**The value of a policy on one path.** A realised profit says little: its standard deviation is a
tenth of its mean where policies differ by a hundredth. With ``V`` the value function of the exact
dynamic program (:mod:`.dynamic_programming`), ``a_t`` the quotes and ``q_t`` the inventory that a
policy meets on a path, this task's metric is::

    value = V(0, q_0) + sum_t ( E[ r_t + V(t+1, q_{t+1}) | q_t, a_t ] - V(t, q_t) )

It is the realised objective minus a sum of ``what happened - its expectation``, which is zero on
average whatever the policy does, so that both have the same mean (an advantage-sum estimator:
Zinkevich et al. 2006; Burch et al. 2018). Every term of the sum is what one pair of quotes loses
against the best pair, so no policy exceeds ``V(0, q_0)`` on any path, and the optimal one attains
it on every path. The realised ``objective`` and ``pnl`` are reported beside it.

References:
    Ho & Stoll 1981, "Optimal dealer pricing under transactions and return uncertainty", Journal
    of Financial Economics 9(1);
    Avellaneda & Stoikov 2008, "High-frequency trading in a limit order book", Quantitative
    Finance 8(3);
    Guéant, Lehalle & Fernandez-Tapia 2013, "Dealing with the inventory risk", Mathematics and
    Financial Economics 7(4);
    Cartea, Jaimungal & Penalva 2015, "Algorithmic and High-Frequency Trading", Cambridge, ch. 10;
    Zinkevich et al. 2006, "Optimal unbiased estimators for evaluating agent performance", AAAI;
    Burch et al. 2018, "AIVAT: a new variance reduction technique for agent evaluation in imperfect
    information games", AAAI.
"""
