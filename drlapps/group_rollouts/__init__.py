"""Learning from several episodes of the same instance, compared with each other.

The rows of the training batch form groups. All rows of a group play the same instance to its end,
each with actions drawn from the current policy, so that an episode is good or bad beside its own
group: no value function has to know how hard an instance is. Two algorithms learn from that:

``self-labelling``
    The best episode of each group is the label of its instance; the policy is trained to imitate
    it by cross-entropy, as if a teacher had solved the instance.

``pomo``
    Policy gradient: each decision's advantage is its episode's return minus the mean of the group,
    put into the clipped update of Stable-Baselines3's PPO.

**What is assumed.** The rows of a group have the same seed, hence the same instance and the same
random numbers in the environment (see :class:`~drlapps.vector.VectorEnvironment`): returns differ
by what the policy did. Where an environment draws at random at all, what an action leads to can
still depend on numbers that nobody knew when it was taken. For ``pomo`` that is noise in the
advantage, which averages out. ``self-labelling`` imitates luck along with skill; it is meant for
environments in which nothing is random but the instance, or little.

**Steps.** A step of ``--steps`` is one decision of one row, as for every other algorithm, whether
or not it is learnt from.

References:
    Corsini, Porrelli, Pirozzoli & Dell'Amico 2024, "Self-labeling the job shop scheduling
    problem", NeurIPS 37; Kwon, Choo, Kim, Yoon, Gwon & Min 2020, "POMO: policy optimization with
    multiple optima for reinforcement learning", NeurIPS 33.
"""
