"""Four tanks and two pumps: levels that are bound to each other, within limits.

Two pumps feed four tanks, the upper two of which drain into the lower two. Linearised and sampled,
the levels ``x`` in cm and the voltages ``u`` of the pumps in V follow ``x' = A x + B u`` with the
matrices of Lu et al. (2024). Levels must stay in [0, 20]; voltages lie in [0, 8]. Each episode of
100 steps begins at levels drawn evenly from [0, 16] and asks for levels drawn evenly from [0, 20],
which two pumps can reach exactly for two tanks at most: most of the cost is inevitable. A step
costs ``|x' - r|^2 + 0.1 |u|^2``.

The pumps are strong, the tanks large: full voltage fills a tank by a third in a step, and emptying
takes a hundred. What has been let in too much stays; and the upper tanks go on filling the lower
ones. A controller that does not look ahead overflows.

References:
    Johansson, K. H. (2000). The quadruple-tank process: a multivariable laboratory process with an
    adjustable zero. IEEE Transactions on Control Systems Technology, 8(3), 456-465.

    Lu, Y., Li, Z., Zhou, Y., Li, N., & Mo, Y. (2024). MPC-inspired reinforcement learning for
    verifiable model-free control. Learning for Dynamics and Control. arXiv:2312.05332.
"""
