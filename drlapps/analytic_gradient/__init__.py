"""Analytic policy gradient: improve a policy by the derivative of its own episodes' return.

Where the dynamics are known and smooth, the return of an episode is a differentiable function of
the network's weights. The environment offers its dynamics a second time, as a
:class:`~drlapps.analytic_gradient.model.DifferentiableModel` on tensors; a batch of episodes is
played in it, and one call of back-propagation gives the exact gradient of their mean return. No
value function is learnt and nothing has to be explored.

**Not model-free.** The algorithm uses derivatives of dynamics and rewards that a simulator has and
the world does not offer; PPO or SAC, which see samples only, have a harder problem. The trained
network knows no more than theirs: it acts on observations.

**Steps.** A step of ``--steps`` is one decision of one row, as for every other algorithm, though
here each row plays whole episodes of the model.

**Truncation.** Gradients through long episodes vanish or explode. With ``n_steps`` the state is cut
off from its past after so many decisions, so that an action answers for the rewards of the rest of
its window only.

References:
    Freeman et al. 2021, "Brax: a differentiable physics engine for large scale rigid body
    simulation", NeurIPS datasets and benchmarks; Wiedemann et al. 2023, "Training efficient
    controllers via analytic policy gradient", ICRA; Metz et al. 2021, "Gradients are not all you
    need", arXiv 2111.05803.
"""
