"""Dual sourcing: a cheap slow source, a dear fast one, and one shelf.

Demand of whole units comes every period from the same law; customers who find no stock wait. A
**regular** source delivers after ``l_r`` periods at ``c_r`` a unit, an **expedited** one after
``l_e < l_r`` at ``c_e > c_r`` (``l_e = 0``: at once, before the customers come). A unit on hand at
the end of a period costs ``h``, a unit backordered ``b``. Minimise the long-run cost per period::

    c_r q_r + c_e q_e + h (net stock)+ + b (-net stock)+

The optimum has no simple form: it hangs on each regular order under way (Whittemore and Saunders
1977) unless ``l_r = l_e + 1``, so that rules of few parameters (:mod:`.heuristics`) compete with
the exact dynamic program (:mod:`.dynamic_programming`), which grows exponentially with ``l_r -
l_e``. A regular order is at most a ``capacity``; by default one that no good policy misses.

**What a policy costs on one path.** ``expected_cost`` charges each period with what its orders cost
in expectation, effects on later periods included. With ``g`` the optimal long-run cost, ``h`` the
relative values of the exact program, ``x`` the expedited inventory position (net stock plus what
arrives within ``l_e``), ``y`` the later regular orders and ``C`` the expected holding and penalty
cost ``l_e`` periods later::

    c_r E[D] + (c_e - c_r) q_e + C(x + q_e) + E[ h(x', y') | x, y, q ] - h(x, y)

Its long-run mean is that of the realised ``cost``: the difference is a sum of ``what happened -
its expectation`` and of terms that cancel from period to period. But it is never below ``g``, on
any path, and the optimal policy has exactly ``g`` in every period. Where the program is too large,
``h = 0``: the metric is then the expected cost of the periods themselves and has no reference.

Most of the cost is ``c_r E[D]``, which no policy avoids: in the published problems 200 of 217.

References:
    Whittemore & Saunders 1977, "Optimal inventory under stochastic demand with two supply options",
    SIAM Journal on Applied Mathematics 32(2);
    Veeraraghavan & Scheller-Wolf 2008, "Now or later: a simple policy for effective dual sourcing
    in capacitated systems", Operations Research 56(4);
    Allon & Van Mieghem 2010, "Global dual sourcing: tailored base-surge allocation to near- and
    offshore production", Management Science 56(1);
    Sun & Van Mieghem 2019, "Robust dual sourcing inventory management: optimality of capped dual
    index policies and smoothing", Manufacturing & Service Operations Management 21(4);
    Gijsbrechts, Boute, Van Mieghem & Zhang 2022, "Can deep reinforcement learning improve inventory
    management? Performance on lost sales, dual-sourcing, and multi-echelon problems", Manufacturing
    & Service Operations Management 24(3).
"""
