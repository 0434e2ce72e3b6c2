"""Inventory in a supply network: order on every arc, so that customers far away are served.

Plants, warehouses and shops are the nodes of a directed graph without circles; goods move along its
arcs. A node may have several suppliers, or assemble its product from what each of them delivers.
Arcs have lead times, capacities and costs, nodes have room and stock that costs, customers wait or
leave. In each period a policy says what is ordered on each arc; :mod:`drlapps.scheduling.inventory`
says what happens then. The objective is the mean cost per period, after a warm-up::

    cost = (1 / (T - W)) sum over t = W, ..., T - 1 of
           holding(t) + shortage(t) + ordering(t) - revenue(t)

Nobody knows the optimal policy of such a network, unless it is a chain. What can be done:

* Raise each position to a level (:mod:`.levels`, :mod:`.rules`): the practice, and for chains the
  optimum (Clark & Scarf). Levels follow the demand forecast; what is added for safety is found by
  simulation.
* Plan ahead by linear programming, carry out the first step, and plan again
  (:mod:`.linear_programs`); the same program with all demand known bounds what any policy can do.
* Learn. Actions that move the levels of the first (``order-up-to``) begin where the practice ends.

**The published cases**, one warehouse and ten stores, are ``van-roy-1`` and ``van-roy-2``. The
papers leave open when in a period stock is counted, what the warehouse knows of the day's shipments
when it orders, and how normal demand becomes whole units. Here demand is rounded and cut at 0, and
holding is charged before customers come. Order-up-to levels of 330 at the warehouse, after its
shipments, and 23 at the stores then cost 1285 in case 1, where 1302 was published; levels of 460
and 22 cost 1334 in case 2, where 1449 was published. (With a mean of 1 in place of 0, case 2 costs
1427; without the factory's limit, case 1 costs 1301.) But those levels are not the best ones here:
optimised echelon levels cost about 1132 and 1335. So compare savings in percent of base-stock's
cost, not costs.

**or-gym.** ``or-gym-inv-management`` and ``or-gym-inv-management-lost-sales`` are the defaults of
or-gym 0.5.0, reward for reward. In ``or-gym-newsvendor`` stock is kept, not thrown away.

References:
    Clark & Scarf 1960, "Optimal policies for a multi-echelon inventory problem", Management
    Science 6(4);
    Van Roy, Bertsekas, Lee & Tsitsiklis 1997, "A neuro-dynamic programming approach to retailer
    inventory management", 36th IEEE Conference on Decision and Control;
    Hubbs et al. 2020, "OR-Gym: a reinforcement learning library for operations research problems",
    arXiv:2008.06319;
    Gijsbrechts, Boute, Van Mieghem & Zhang 2022, "Can deep reinforcement learning improve inventory
    management?", Manufacturing & Service Operations Management 24(3);
    Cheng, Luo, Fan, Zhang & Li 2024, "A deep Q-network based on radial basis functions for
    multi-echelon inventory management", arXiv:2401.15872.
"""
