"""The double integrator: bring a mass to rest at the origin, within limits.

Position ``x_1`` and speed ``x_2`` follow ``x_1' = x_1 + x_2`` and ``x_2' = x_2 + u``, as in Lu et
al. (2024). Both must stay in [-5, 5]; the force lies in [-0.5, 0.5]. A step costs ``|x'|^2 + 100
u^2``. In each of 50 steps a controller sees position and speed.

A fast mass near a limit cannot be stopped in time. Episodes begin where it can: with full braking
from speed ``v`` the position after ``k`` steps is ``x + k v - k (k - 1) / 4``, which must not be
above 4.9 for any ``k``, and likewise on the other side; there a controller that looks ahead need
not violate anything. In two dimensions a controller can be looked at as a map of the plane, and
what holds of it be proven (see :mod:`drlapps.control.process.verification`).

References:
    Lu, Y., Li, Z., Zhou, Y., Li, N., & Mo, Y. (2024). MPC-inspired reinforcement learning for
    verifiable model-free control. Learning for Dynamics and Control. arXiv:2312.05332.
"""
