"""Decision Transformer: imitate recorded episodes, told how good each of them was.

The task's own baselines, the *guides*, play instances of the train pool; their episodes and noisy
replays of them are recorded, and a causal transformer learns to predict each decision from the
decisions before it and from the episode's return. Asked for the best return it then acts alone.

**Shortfall.** Chen et al. condition each decision on the return to go and need, to act, a target
that suits the instance and every reward on the way. Instances differ in what can be had at all, so
returns are measured here against the best one recorded on the same instance. What is left of the
episode's return and what is left of the best one lose the same reward at each step: their
difference, the *shortfall*, is constant along an episode. One token in front of the sequence
carries it; to act the network is asked for a shortfall of 0, as good as the best guide, on whatever
instance.

**Sequence.** ``shortfall, state, action, state, action, ...`` over the latest decisions. Actions
are scored by comparing the context at a state with an embedding of each action in that state, and
inadmissible ones are masked: what physics or logic forbids is in the mask, not to be learnt. An
encoder that embeds a row for each action makes the weights independent of their number.

**Steps.** A step of ``--steps`` is a recorded decision that the network has learnt from, counted
anew each time. Recording comes first, at no steps; its CPU time is part of the run's.

References:
    Chen et al. 2021, "Decision Transformer: reinforcement learning via sequence modeling",
    NeurIPS 34; Zhao et al. 2024, "Exploring a physics-informed decision transformer for
    distribution system restoration", arXiv 2407.00808.
"""
