"""Current control of a permanent-magnet synchronous machine: which voltage, every 100 microseconds.

In rotor (dq) coordinates, with electrical speed ``w``, the machine is linear::

    L_d i_d' = u_d - R i_d + w L_q i_q
    L_q i_q' = u_q - R i_q - w L_d i_d - w psi

A voltage is chosen every control period ``tau``, held in rotor coordinates for one, and the
currents that result are exact (matrix exponential). What makes the task hard lies around that:

* a voltage that is computed in one period acts in the next, as in every digital drive (``delay``);
* the inverter gives the voltages of a hexagon and no more, and loses some while its legs interlock
  (``dead_time``);
* currents are measured with noise; resistance and flux drift as the machine warms; and no machine
  is the one on its data sheet.

A machine is judged by ``(|i_d* - i_d| + |i_q* - i_q|) / (4 I)`` after each period, with the limit
``I`` of the current: the reward of gym-electric-motor with its sign changed. The set-point that
counts is the one that was known when the period began. When ``|i| > I``, protection trips: the
episode ends, and what is left of it counts 1 a step, the worst there is.

The default machine, its limits and period are those of gym-electric-motor (Brosch et al. 2021): 3
pole pairs, 0.37 and 1.2 mH, 18 mOhm, 66 mWb, 300 V, 400 A.

Over episodes of 10 000 periods, with the default conditions (100 rad/s, a delay of one period,
noise of 0.5 A) and slowly walking set-points (``wiener``), deadbeat control errs by 0.0019 a
period, PI control by 0.0023, and random voltages of the legs, without protection, by 0.24.

Three control sets share machine and metric: ``dq``, a voltage in rotor coordinates; ``abc``, the
duty cycles of the legs; and ``finite``, the eight switching states, without a modulator.

References:
    Traue, A., Book, G., Kirchgaessner, W., & Wallscheid, O. (2022). Towards a reinforcement
    learning environment toolbox for intelligent electric motor control. IEEE Transactions on Neural
    Networks and Learning Systems, 33(3), 919-928. arXiv:1910.09434.

    Balakrishna, P., Book, G., Kirchgaessner, W., Schenke, M., Traue, A., & Wallscheid, O. (2021).
    gym-electric-motor (GEM): A Python toolbox for the simulation of electric drive systems. Journal
    of Open Source Software, 6(58), 2498.

    Brosch, A., Hanke, S., Wallscheid, O., & Boecker, J. (2021). Data-driven recursive least squares
    estimation for model predictive current control of permanent magnet synchronous motors. IEEE
    Transactions on Power Electronics, 36(2), 2179-2190.
"""
