"""Online portfolio selection: policies that assume nothing of how prices come about.

Each decides anew every day from the price relatives seen so far. All are long-only and hold no
cash. They reproduce the toolbox of the field's survey authors (OLPS), conventions included: the
first decision is uniform, and, where an algorithm learns from the return it earned, that return is
net of costs.

================  ===============================================  =============================
name              class                                            idea
================  ===============================================  =============================
bah               :class:`.benchmarks.BuyAndHold`                  never trade
ucrp              :class:`.benchmarks.ConstantRebalanced`          back to equal weights
bcrp              :class:`.benchmarks.BestConstantRebalanced`      clairvoyant constant weights
best-stock        :class:`.benchmarks.BestStock`                   clairvoyant single asset
eg                :class:`.follow_the_winner.ExponentiatedGradient` multiplicative weights
ons               :class:`.follow_the_winner.OnlineNewtonStep`     second-order regret
pamr, -1, -2      :class:`.mean_reversion.Pamr`                    the last day reverts
cwmr-var, -stdev  :class:`.mean_reversion.Cwmr`                    the same, with confidence
olmar-1, -2       :class:`.mean_reversion.Olmar`                   prices revert to their mean
rmr               :class:`.mean_reversion.Rmr`                     prices revert to their median
anticor           :class:`.anticor.Anticor`                        claims on lagging assets
================  ===============================================  =============================

References:
    Li & Hoi 2014, "Online portfolio selection: A survey", ACM Computing Surveys 46(3);
    Li, Sahoo & Hoi 2016, "OLPS: A toolbox for on-line portfolio selection", JMLR 17(35).
"""
