"""Distribution grids: what the energy tasks share.

A :class:`~.feeder.Feeder` is a tree of lines with loads, fed at one bus, with normally open tie
lines by which parts of it can be fed another way. Here are its data (:mod:`.feeder`,
:mod:`.cases`, :mod:`.files`, :mod:`.random_feeders`), its physics (:mod:`.power_flow`), its radial
configurations (:mod:`.radial_trees`), its linearised model (:mod:`.linearised`) and its pictures
(:mod:`.drawing`).

Loads draw constant power, three phases are balanced, and lines are series impedances: the model of
the reconfiguration literature since Baran and Wu (1989).

References:
    Baran, M. E., & Wu, F. F. (1989). Network reconfiguration in distribution systems for loss
    reduction and load balancing. IEEE Transactions on Power Delivery, 4(2), 1401-1407.
"""
