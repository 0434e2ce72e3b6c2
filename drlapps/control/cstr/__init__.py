"""A stirred tank reactor that must follow setpoints of its concentration.

In a continuously stirred tank the exothermic reaction A -> B takes place at the rate ``k = k_0
exp(-E / T) C_A``. A jacket at the temperature ``T_c``, the input, cools it (Seborg et al.)::

    C_A' = q / V (C_Af - C_A) - k
    T'   = q / V (T_f - T) + (-dH / (rho C_p)) k + U A / (V rho C_p) (T_c - T)

with ``q = 100`` L/min, ``V = 100`` L, ``rho = 1000`` g/L, ``C_p = 0.239`` J/(g K), ``-dH = 5e4``
J/mol, ``E = 8750`` K, ``k_0 = 7.2e10`` 1/min, ``U A = 5e4`` J/(min K), ``T_f = 350`` K and ``C_Af =
1`` mol/L. As in PC-Gym (Bloor et al. 2025) an episode has 60 steps of 26/60 min, the jacket is held
between 295 and 302 K, and three setpoints of ``C_A`` are held for 20 steps each: 0.85, 0.90 and
0.87 mol/L in the published episode, which begins at 0.8 mol/L and 330 K. What counts is ``10^3 sum
(C_A - setpoint)^2`` over the 60 states after the first. A controller learns of a new setpoint when
it holds, one step before it can do anything about the concentration: no controller avoids that
cost.

The reactor is integrated by five Runge-Kutta steps of the fourth order a step, which is exact to
2e-8 mol/L. Above 380 K, where a reactor has run away, the rate is that of 380 K.

References:
    Bloor, M., Torraca, J., Sandoval, I. O., Ahmed, A., White, M., Mercangöz, M., Tsay, C., Del Rio
    Chanona, E. A., & Mowbray, M. (2025). PC-Gym: benchmark environments for process control
    problems. Computers & Chemical Engineering, 204. arXiv:2410.22093.

    Seborg, D. E., Edgar, T. F., Mellichamp, D. A., & Doyle, F. J. (2010). Process dynamics and
    control (3rd ed.). Wiley.
"""
