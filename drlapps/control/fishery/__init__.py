"""A fishery of one or several species: how much to catch of each, every year.

Stocks ``N_i`` are harvested first and grow afterwards. A policy sees the stocks and chooses the
fishing mortality ``M_i`` in [0, 1], the share of the stock that is caught, of each species that
has a price ``p_i``. With ``S_i = (1 - M_i) N_i``, what has escaped, and standard normal ``eta``::

    N_i' = S_i + r_i(t) S_i (1 - S_i / K_i) - d_i S_i               growth and natural death
           - sum_j (beta_ij S_j + q_i) S_i^2 / (c_i^2 + S_i^2)      predators of the model, others
           - sum_j a_ij S_i S_j + sum_j b_ij S_i S_j                competition, prey eaten
           + sigma_i S_i eta_i                                      the luck of the year

The year is worth ``sum_i p_i M_i N_i``. When any stock, fished or not, falls to the threshold of
0.05 in year ``t`` (from 0), the fishery ends and ``100 / (t + 1)`` is taken off; else it is cut off
after ``T = 200`` years. Predation of type III lets a stock that has been fished down fall into a
trap from which it does not rise; and a predator that no one catches starves when its prey is
fished: it crashes last, and ends the fishery for all.

The models are those of Montealegre-Mora et al. (2023): ``model-1`` of one species, ``model-2`` of
three of which one is caught, ``model-3`` of three of which two are, ``model-4`` the same with a
growth rate of X that falls from 1 to 0.5 within a century, which is our reading of what is stated
without numbers. Their manuscript states a noise *variance* of 0.05, a deviation of 0.224, where the
published results were made with a deviation of 0.1, as here; with 0.224 (``noise_scale=2.236``) a
species is lost on half of the paths even where nothing is caught. Of ``model-1`` different numbers
are in circulation, too (``beta`` 0.25 and 0.23): the published returns follow from neither.

Time is no part of the observation. What the cut-off leaves in the sea is lost to the return, so a
policy that knew the last year would empty the sea in it; a manager of a stock does not. Of the
baselines only dynamic programming knows it.

References:
    Montealegre-Mora, F., Lapeyrolerie, M., Chapman, M., Keller, A. G., & Boettiger, C. (2023).
    Pretty darn good control: when are approximate solutions better than approximate models.
    Bulletin of Mathematical Biology, 85, 95. arXiv:2308.13654.

    May, R. M. (1977). Thresholds and breakpoints in ecosystems with a multiplicity of stable
    states. Nature, 269, 471-477.

    Reed, W. J. (1979). Optimal escapement levels in stochastic and deterministic harvesting models.
    Journal of Environmental Economics and Management, 6(4), 350-363.
"""
