"""Lost sales: order for a shelf whose customers do not wait.

In period ``t`` a shelf with ``x_0`` units on hand, and ``x_1, ..., x_{L-1}`` due to arrive in the
coming ``L - 1`` periods, orders ``q`` units that will be there in period ``t + L``. Then demand
``D`` comes, independent and of the same law in every period; what it exceeds ``x_0`` by is lost.
Minimise the long-run average of ::

    h (x_0 - D)^+ + p (D - x_0)^+ + K [q > 0]

The next state is ``(x_1 + (x_0 - D)^+, x_2, ..., x_{L-1}, q)``. If customers waited, the sum of it
all, the inventory position, would be all that matters, and a base-stock level optimal. As they
leave, the optimal order depends on every entry, and most on the newest orders: by how much is known
only from the exact program, whose states grow as ``storage^L / L!``.

**The cost of a policy on one path.** With ``g`` the optimal cost and ``v`` the relative values of
the exact program (:mod:`.dynamic_programming`), this task's metric is the mean over periods of ::

    E[c + v(next state) | state, order] - v(state)

It differs from the realised cost by ``what happened - its expectation`` of each period, which is
zero on average whatever the policy does, and by the values of the first and the last state, which
fade in the mean: both have the same long-run mean (an advantage-sum estimator: Zinkevich et al.
2006). Every term is ``g`` plus what the order loses against the best one, so no policy falls below
``g`` on any path, and the optimal one has exactly ``g`` in every period.

**Agents** of the preset choose the penalty with which the myopic rule orders. That rule looks at
the one period in which an order arrives, where a unit too many and a unit too few cost ``h`` and
``p``. But the unit too many may lie there for many periods more, while the lost sale is over and
done with: the penalty to reckon with is lower, by how much depends on the state, a little, and on
the problem. Already a fixed one comes close to the optimum (:class:`.baselines.FixedNonStockout`).

References:
    Karlin & Scarf 1958, "Inventory models of the Arrow-Harris-Marschak type with time lag", in
    Studies in the Mathematical Theory of Inventory and Production, Stanford University Press;
    Morton 1971, "The near-myopic nature of the lagged-proportional-cost inventory problem with
    lost sales", Operations Research 19(7);
    Zipkin 2008, "Old and new methods for lost-sales inventory systems", Operations Research 56(5);
    Zipkin 2008, "On the structure of lost-sales inventory models", Operations Research 56(4);
    Bijvank, Bhulai & Huh 2015, "Parametric replenishment policies for inventory systems with lost
    sales and fixed order cost", European Journal of Operational Research 241(2);
    Xin 2021, "Understanding the performance of capped base-stock policies in lost-sales inventory
    models", Operations Research 69(1);
    de Kok & Meijer 2023, "Fixed non-stockout-probability policies for the single-item lost-sales
    model", arXiv:2304.06936;
    Gijsbrechts, Boute, Van Mieghem & Zhang 2022, "Can deep reinforcement learning improve inventory
    management?", Manufacturing & Service Operations Management 24(3);
    Zinkevich, Bowling, Bard, Kan & Billings 2006, "Optimal unbiased estimators for evaluating agent
    performance", AAAI.
"""
