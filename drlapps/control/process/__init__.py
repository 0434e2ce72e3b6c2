"""What processes under constraints share: one environment, one referee, one set of methods.

A process has states ``x``, inputs ``u`` and limits on both. Inputs keep theirs by construction;
states may leave theirs, which is counted. In a step, with ``r`` the reference at its end::

    x' = f(x, u) + w             the plant, with a disturbance w
    cost = (x' - r)' Q (x' - r) + u' R u

For linear plants ``f(x, u) = A x + B u``. Controllers know the *nominal* plant; the true one may
differ by a scale of ``A`` and ``B``, by errors of their entries, by disturbances and by errors of
measurement, as a pool or a setting says.

:mod:`.plant` and :mod:`.instances` hold plants and episodes, :mod:`.environment` the referee,
:mod:`.targets`, :mod:`.baselines` and :mod:`.mpc` the classical controllers, :mod:`.qp_layer` and
:mod:`.qp_policy` the policy that is shaped like a quadratic program, :mod:`.verification` what can
be proven of it.

References:
    Lu, Y., Li, Z., Zhou, Y., Li, N., & Mo, Y. (2024). MPC-inspired reinforcement learning for
    verifiable model-free control. Learning for Dynamics and Control. arXiv:2312.05332.

    Rawlings, J. B., Mayne, D. Q., & Diehl, M. (2017). Model predictive control: theory,
    computation, and design. Nob Hill.

    Stellato, B., Banjac, G., Goulart, P., Bemporad, A., & Boyd, S. (2020). OSQP: an operator
    splitting solver for quadratic programs. Mathematical Programming Computation, 12, 637-672.
"""
