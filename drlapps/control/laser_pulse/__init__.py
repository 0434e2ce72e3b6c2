"""Laser pulse compression: make a pulse as short and high as its spectrum allows.

A chirped-pulse amplifier stretches a pulse in time, amplifies it and compresses it again. If
nothing happened in between, the stretcher would have to add just the phase that the compressor
takes away:

    GDD w^2 / 2 + TOD w^3 / 6 + FOD w^4 / 24

But the amplifier's crystal turns the phase of the pulse by up to ``B`` rad, in proportion to the
intensity: what was right is wrong by a little, and a little makes the pulse long. Three numbers of
the stretcher can be set, within bounds and by small steps. The aim is the highest peak intensity,
as a share of the transform limit: what the spectrum would allow if all phases agreed.

Neither ``B`` nor what the compressor really does is known; both differ from laser to laser and may
change while one works. One fires a pulse, looks at it, and sets the stretcher anew. Searches do so
for every laser from the beginning. An agent that has met many lasers can know what a look at
three pulses says about this one.

The model is the one of Capuano et al. (2023) for the L1 pump laser; see :mod:`.pulse` for its
equations and :mod:`.spectrum` for what its numbers are. The share that is reported is that of the
pulse at the end of the episode, which is what the laser then does, not that of the best one met.

References:
    Capuano, F., Peceli, D., Tiboni, G., Camoriano, R., & Rus, B. (2023). TempoRL: laser pulse
    temporal shape optimization with deep reinforcement learning. arXiv:2304.12187.

    Capuano, F., Peceli, D., & Tiboni, G. (2025). Shaping laser pulses with reinforcement learning.
    arXiv:2503.00499.
"""
