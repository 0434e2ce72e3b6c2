"""Control of direct-current motors: which voltage, every 100 microseconds.

Three ways to excite a motor, one set of equations. With the linked flux ``phi``, armature current
``i``, excitation current ``i_e``, voltage ``u`` and speed ``w``::

    L i'     = u - R i - phi w
    L_e i_e' = u - R_e i_e                        (shunt alone)
    J w'     = phi i - load torque                (under speed control)

==================== ================= ==========================================================
motor                flux ``phi``      what that makes of it
==================== ================= ==========================================================
series               ``M i``           armature and field in one circuit, ``R`` and ``L`` the sums;
                                       torque goes with the square of the current
shunt                ``M i_e``         both circuits at one voltage; the field follows slowly
permanently-excited  ``psi``           linear; the current answers a hundred times faster
==================== ================= ==========================================================

What is to follow its set-point is the armature current, while a dynamometer holds the speed
(``control=current``), or the speed, against friction and a load that comes and goes
(``control=speed``). A four-quadrant converter gives any voltage between minus and plus that of the
supply, as the mean of a period, or one of its switching states, ten times a period. A command acts
one decision after it was made (``delay``), currents are measured with noise, and no motor is quite
the one on its data sheet.

The error is judged ten times a period, every 10 microseconds, whoever decides how often: it is the
distance from the set-point as a share of the range from minus the limit to the limit. When a
winding's current exceeds its limit, protection trips: the episode ends, and what is left of it
counts 1, the worst there is.

Motors, loads and limits are the defaults of gym-electric-motor 3.0.3.

References:
    Traue, A., Book, G., Kirchgaessner, W., & Wallscheid, O. (2022). Towards a reinforcement
    learning environment toolbox for intelligent electric motor control. IEEE Transactions on Neural
    Networks and Learning Systems, 33(3), 919-928. arXiv:1910.09434.

    Balakrishna, P., Book, G., Kirchgaessner, W., Schenke, M., Traue, A., & Wallscheid, O. (2021).
    gym-electric-motor (GEM): A Python toolbox for the simulation of electric drive systems. Journal
    of Open Source Software, 6(58), 2498.
"""
