"""Repair crews in a damaged feeder: which line next, so that least energy goes unserved.

A storm has damaged ``d`` lines of a radial feeder. Repairing line ``l`` takes one crew ``p_l``
hours; ``m`` equal crews stand at the source. Removing the damaged lines leaves ``d + 1`` *blocks*
of buses, each connected by intact lines; block ``b`` has the weighted load ``w_b`` (kW times
importance). It is energised at ``E_b``, once every damaged line between it and the source is
repaired. Lines may be repaired in any order, only energisation follows the path: the precedence is
*soft*. With ``C_l`` the completion of line ``l`` and ``up(b)`` the block above::

    min  sum_b w_b E_b                       (weighted kWh not served, the "harm")
    s.t. E_b >= C_l,  E_b >= E_up(b)         for each block b, l the line that leads into it
         every line is repaired once, without interruption, by one crew;
         a crew repairs one line at a time and travels s_kl hours from k to l.

This is ``P | soft outtree, s_kl | sum w_j E_j``. Without travel and with one crew an optimal order
obeys the precedence and Horn's algorithm finds it (:mod:`.horn`); with several the problem is
NP-hard.

With *switching*, tie lines feed blocks another way meanwhile. At the start and after every repair
the positions of all switches follow from the set of repaired lines by a fixed rule
(:mod:`.switching`): close repaired lines from the source outwards, then feed the blocks that are
still dark, heaviest first, each through the tie that leaves the highest voltages, as long as an AC
power flow keeps all limits. Switching takes no time. So the only decision is where to send the next
free crew.

As a Markov decision process (:mod:`.environment`) an action sends the crew that is free first to a
damaged line.

References:
    Tan, Qiu, Das, Kirschen, Arabshahi & Wang 2019, "Scheduling post-disaster repairs in electricity
    distribution networks", IEEE Transactions on Power Systems 34(4), arXiv:1702.08382;
    Horn 1972, "Single-machine job sequencing with treelike precedence ordering and linear delay
    penalties", SIAM Journal on Applied Mathematics 23(2).
"""
