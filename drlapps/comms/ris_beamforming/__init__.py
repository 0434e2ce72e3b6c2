"""RIS-aided beamforming: precoder and surface together, for the highest sum rate.

A base station of ``M`` antennas serves ``K`` users of one antenna each at once. Between them stands
a reconfigurable intelligent surface: a panel of ``N`` elements, each of which reflects what reaches
it with a phase ``theta_n`` that the controller sets. User ``k`` receives through the row vector

    h_k = d_k + sum_n phi_n c_kn,       phi_n = beta(theta_n) exp(j theta_n)

where ``c_kn`` (M entries) is the cascaded channel base station - element ``n`` - user ``k`` and
``d_k`` the direct one, zero where it is blocked. With ``H`` of rows ``h_k`` and the precoder ``G``
(M x K, a column a stream)::

    maximise    sum_k log2(1 + SINR_k)
    where       SINR_k = |h_k g_k|^2 / (sum_{j != k} |h_k g_j|^2 + sigma^2)
    subject to  tr(G G^H) <= P

over ``G`` and all ``theta``. An ideal surface reflects all, ``beta = 1``; in a practical one the
amplitude depends on the phase (Abeywickrama et al. 2020),

    beta(theta) = (1 - beta_min) ((sin(theta - mu) + 1) / 2) ** kappa + beta_min,

and phase shifters of ``b`` bits know ``2 ** b`` levels only. The problem is not convex, and at high
power the phases decide how nearly orthogonal the users' channels are.

**Units.** Rates are in bit/s/Hz. Entries of the channels have unit mean power, so that power and
noise are relative to it: ``P = 10 ** (power_dbm / 10)``, ``sigma^2 = noise_variance``, as in Huang
et al. (2020) and Saglam et al. (2022). Their 30 dBm and 0.01 are 50 dB before any gain of the
surface. At the 84 bit/s/Hz that four users then share, 21 each, no real receiver works: links with
their path loss are at the low end of the curves. ``path_loss`` gives users distances; files of
one's own keep their own scale.

**Assumed.** Flat fading within a coherence block, one stream a user, interference treated as noise,
Gaussian symbols, elements that do not couple, no delay of the surface. Rates count on the *true*
channels, whatever the controller believed: estimates that err (``csi_error_variance``) or age
(``pilot_period``), a surface believed ideal that is not (``mismatch``). Over several blocks the
rate is the mean; pilots may take their share of a block (``coherence_symbols``).

**What is different from the published code.** The public code of Saglam et al. (2022) departs from
its paper's model in ways that change the conclusions:

1. Real and imaginary parts of the reflections are each divided by the square root of 2 times their
   absolute sum over the *whole* surface. Elements then reflect 0.068 on average where ``N = 16``
   and 0.017 where ``N = 64``, not 1, and a larger surface hardly gains anything.
2. The noise in each SINR is ``(K - 1) sigma^2``, and none for one user; the arctangent that gives
   the amplitude law its phase has its arguments exchanged.
3. The cascaded channel of every user but the first is stacked such that ``N != M`` fails.
4. What is reported are rewards of training on a single channel: no other channels, no classical
   method beside them.

Here elements have the amplitude of their law, the noise is ``sigma^2``, sizes are free, and agents
are judged on channels that they have never met, beside the classical methods. ``paper_model``
brings the first two back (:mod:`.paper`), so that the published curves can be explained. Their best
agent reaches 4.5 bit/s/Hz at 5 dBm and 8.2 at 30 dBm (``N = 16``, ``beta_min = 0.6``); in the same
model, WMMSE at random phases reaches 7.2 and 30.6.

**Classical methods.** All of them start from phases and find a precoder, or the other way round.

* *Closed forms* at random phases: maximum ratio transmission, which lets streams collide; zero
  forcing with water-filling; WMMSE (Shi et al. 2011), which climbs to a stationary point.
* *Block-coordinate descent* takes turns between WMMSE and one phase after the other (Guo et al.
  2020). It never gets worse. At very low power (-30 dBm here), where noise, not interference,
  decides and some users are better left out, it beats zero forcing. At high power with ``K = M``
  each change of a phase breaks the nulls of the precoder, the steps shrink, and it stalls far from
  the optimum.
* *Phases by a gradient*: with the precoder in closed form, the rate is a smooth function of the
  phases alone. Zero forcing gives ``sum_k log2(1 + P / (K sigma^2 C_kk))``, ``C`` the inverse of
  ``H H^H``; L-BFGS on it moves all phases at once, with the precoder always following, and is by
  far the better one at high power. MMSE precoding, whose rates follow by uplink-downlink duality,
  works for any ``M``, ``K`` and power and becomes zero forcing where power abounds::

      A = (H H^H + (K sigma^2 / P) I)^-1,     sum_k -log2((K sigma^2 / P) A_kk)

  With the powers of the dual uplink as variables beside the phases, it joins both ends.
* *The cooperative bound* lets users decode together and every path add up in phase. No design
  passes it; it is not attained.

**What there is to learn.** A gradient method solves each channel anew, in milliseconds. An agent
that has seen many channels can take larger steps: in ``increments`` it refines all phases twenty
times from what it senses at each element, with one network shared by all elements, so that the same
weights serve any ``M``, ``N`` and ``K``. The question is what it loses against the best classical
method, and how much faster it is.

References:
    Huang, C., Mo, R., & Yuen, C. (2020). Reconfigurable intelligent surface assisted multiuser MISO
    systems exploiting deep reinforcement learning. IEEE Journal on Selected Areas in
    Communications, 38(8), 1839-1850.

    Saglam, B., Gurgunoglu, D., & Kozat, S. S. (2022). Deep reinforcement learning based joint
    downlink beamforming and RIS configuration in RIS-aided MU-MISO systems under hardware
    impairments and imperfect CSI. arXiv:2211.09702.

    Abeywickrama, S., Zhang, R., Wu, Q., & Yuen, C. (2020). Intelligent reflecting surface:
    practical phase shift model and beamforming optimization. IEEE Transactions on Communications,
    68(9), 5849-5863.

    Guo, H., Liang, Y.-C., Chen, J., & Larsson, E. G. (2020). Weighted sum-rate maximization for
    reconfigurable intelligent surface aided wireless networks. IEEE Transactions on Wireless
    Communications, 19(5), 3064-3076.

    Shi, Q., Razaviyayn, M., Luo, Z.-Q., & He, C. (2011). An iteratively weighted MMSE approach to
    distributed sum-utility maximization for a MIMO interfering broadcast channel. IEEE Transactions
    on Signal Processing, 59(9), 4331-4340.

    Viswanath, P., & Tse, D. N. C. (2003). Sum capacity of the vector Gaussian broadcast channel and
    uplink-downlink duality. IEEE Transactions on Information Theory, 49(8), 1912-1921.
"""
