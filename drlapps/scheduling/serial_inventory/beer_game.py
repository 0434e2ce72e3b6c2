"""The beer distribution game: four stages that see only the orders of the next one down.

As on Sterman's board (1989; Edali & Yasarcan 2014 give every equation): an order slip takes two
weeks to the next desk, where it is filled the moment it is read, and beer two weeks to come back;
the factory's own order is brewed for three weeks. In our periods, which begin with the decision
that ends a week of the game, that is an order delay of 1 and a lead time of 2; the factory has no
order delay. Every stage begins with 12 cases and 4 in each box, and is told to order 4 in the
first four weeks. Customers want 4 cases a week, and 8 from the fifth on. A case on hand costs 0.50
a week, one owed to customers or to the next stage 1.00.

References:
    Sterman 1989, "Modeling managerial behavior: misperceptions of feedback in a dynamic decision
    making experiment", Management Science 35(3);
    Edali & Yasarcan 2014, "A mathematical model of the beer game", Journal of Artificial Societies
    and Social Simulation 17(4).
"""

from __future__ import annotations

from drlapps.scheduling.inventory.demand import Demand, Trace, UniformInteger
from drlapps.scheduling.inventory.network import OUTSIDE, Arc, Network, Node, network

WEEKS = 36
TOLD = 5
"""Periods whose orders are fixed: that before the first week and those that end the first four."""

DESKS = ("factory", "distributor", "wholesaler", "retailer")
STEP = Trace((4.0, 4.0, 4.0, 4.0, 8.0))

_START = 16.0
"""12 cases on the board, and 4 that arrive before the first week's orders are filled."""

_BOX = 4.0
_HOLDING = 0.5
_BACKLOG = 1.0


def beer_game(demand: Demand = STEP) -> Network:
    """Return the network of the game.

    Args:
        demand: of the customers, in whole cases a week.
    """
    nodes, arcs = [], []
    for place, desk in enumerate(DESKS):
        sells, brews = place == len(DESKS) - 1, place == 0
        nodes.append(
            Node(
                desk,
                initial=_START,
                holding=_HOLDING,
                demand=demand if sells else None,
                penalty=_BACKLOG if sells else 0.0,
            )
        )
        arcs.append(
            Arc(
                OUTSIDE if brews else DESKS[place - 1],
                desk,
                lead_time=2,
                order_delay=0 if brews else 1,
                penalty=0.0 if brews else _BACKLOG,
                initial=(_BOX,),
                ordered=() if brews else (_BOX,),
            )
        )
    return network(nodes, arcs, backlog=True)


GAMES = {
    "beer-game": beer_game(),
    # The same board with customers that nobody can foresee.
    "beer-game-random": beer_game(UniformInteger(0, 8)),
}
"""The games with a name."""
