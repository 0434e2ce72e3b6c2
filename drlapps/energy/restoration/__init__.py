"""Service restoration and network reconfiguration of distribution feeders.

A feeder is a graph of buses ``N`` and branches ``E`` whose closed branches must form trees. After
faults in the branches ``F``, choose the positions of the switches ``b_e`` (``b_e = 0`` in ``F``)
and the connected loads ``y_i`` so as to maximise, in lexicographic order,

1. the share of the weighted load served, ``sum w_i P_i y_i / sum w_i P_i`` over buses that the
   source reaches at a voltage within limits and through no overloaded branch,
2. minus the greatest violation of a limit,
3. minus the number of switches whose position changes,
4. minus the losses,

where voltages and losses are those of the AC power flow with constant-power loads. Without a fault
everything is served anyway, and the losses come before the switching: that is *network
reconfiguration* for loss reduction (Baran and Wu 1989; Civanlar et al. 1988).

Loads are shed one by one by their breakers; an energised bus without load violates nothing that the
bus before it does not. So the optimum is over all radial trees and all subsets of the loads.

Powers are in kW and kvar of three phases, impedances in ohm at the feeder's nominal voltage,
voltages per unit.

References:
    Civanlar, S., Grainger, J. J., Yin, H., & Lee, S. S. H. (1988). Distribution feeder
    reconfiguration for loss reduction. IEEE Transactions on Power Delivery, 3(3), 1217-1223.

    Baran, M. E., & Wu, F. F. (1989). Network reconfiguration in distribution systems for loss
    reduction and load balancing. IEEE Transactions on Power Delivery, 4(2), 1401-1407.

    Taylor, J. A., & Hover, F. S. (2012). Convex models of distribution system reconfiguration.
    IEEE Transactions on Power Systems, 27(3), 1407-1413.

    Zhao, H., Wei, Y., et al. (2024). Exploring a physics-informed decision transformer for
    distribution system restoration: methodology and performance analysis. arXiv:2407.00808.
"""
