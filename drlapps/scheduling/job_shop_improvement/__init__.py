"""The job-shop scheduling problem, solved by improving a complete schedule.

The problem is that of :mod:`drlapps.scheduling.job_shop`, with its instances, its checker and its
pictures: order the operations of ``n`` jobs on their machines so that the last one ends early. What
differs is the decision process. There a schedule is built, operation by operation, and ends when it
is complete. Here (:mod:`.environment`) it starts complete, as a dispatching rule leaves it, and an
agent goes on to improve it for as many steps as one grants: each step lets two neighbours on the
critical path change places.

Let ``G`` be the disjunctive graph: an arc from each operation to the next of its job, and one to
the next on its machine, each as long as the operation that it leaves. The makespan is the longest
path. A swap of two neighbours ``u, v`` on it costs two passes over the graph, one forward for the
*heads* (starts) and one backward for the *tails*, so a step takes time linear in operations.

With ``C(s)`` the makespan of the schedule ``s``, ``B_t`` the least met in the first ``t`` steps::

    s_0      schedule of the rule
    a_t      one of the pairs N5(s_t) of Nowicki & Smutnicki
    s_t+1    s_t with that pair swapped
    r_t      10 max(B_t - C(s_t+1), 0) / C(s_0)

so that the rewards of an episode sum to ten times the share by which the schedule was shortened.
The agent's opponents choose among the same pairs in as many steps (:mod:`.baselines`).

References:
    Zhang et al. 2024, "Deep reinforcement learning guided improvement heuristic for job shop
    scheduling", ICLR;
    Nowicki & Smutnicki 1996, "A fast taboo search algorithm for the job shop problem", Management
    Science 42(6).
"""
