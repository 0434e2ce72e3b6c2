"""Critical load restoration: keep an island alight with what energy it has.

The substation is lost. For six hours, 72 steps of five minutes, a distribution feeder is an island
that sun, wind, a microturbine with little fuel and a battery have to feed. Load ``i`` draws ``P_i``
kW and a kW of it counts ``z_i``; ``x_it`` in [0, 1] is the share that is served. Loads start in the
dark. What has been restored ought to stay: giving it up costs as much as 100 steps of serving it::

    maximise   sum_t sum_i z_i P_i ( x_it - 100 max(0, x_i,t-1 - x_it) )  /  ( T sum_i z_i P_i )

    balance    sum_i P_i x_it = s_t + w_t + g_t + b_t
    sun, wind  0 <= s_t <= S_t,   0 <= w_t <= W_t            (the rest is curtailed)
    turbine    0 <= g_t <= G,     fuel_t+1 = fuel_t - g_t dt >= 0
    battery    -B <= b_t <= B,    E_t+1 = E_t - dt (b_t / eta_d if b_t > 0 else eta_c b_t),
               E_min <= E_t <= E_max
    voltage    V_min <= |V_nt| <= V_max at every bus

``S_t`` and ``W_t`` are known when ``t`` comes; before that there are forecasts only, which err the
more the further they look. Restoring more than will last is punished by the drop that follows,
caution by the energy left over at the end: that is the whole game.

The numbers are those of Zhang et al. (2023). The balance neglects losses, as theirs does in the
model-predictive controllers; the AC power flow that judges the voltages counts them and draws them
from the battery's bus, where the grid-forming inverter stands: they are reported, not charged.
With all profiles known the problem is a linear program (voltages left out). Its optimum is a bound
that no policy passes, the reference of this task.

References:
    Zhang, X., Eseye, A. T., Knueven, B., Liu, W., Reynolds, M., & Jones, W. (2023).
    Curriculum-based reinforcement learning for distribution system critical load restoration. IEEE
    Transactions on Power Systems, 38(5), 4418-4431. arXiv:2203.04166.
"""
