"""The job-shop scheduling problem, ``J || C_max``.

``n`` jobs each consist of operations to be done in a given order, each on a given machine for a
given time. A machine does one operation at a time and never interrupts it. Find start times that
end the last operation as early as possible: minimise the makespan ``C_max``.

With ``s_jk`` the start of operation ``k`` of job ``j``, ``p_jk`` its duration in time units,
``r_j`` the release of the job and ``M_i`` the operations on machine ``i``::

    min  C_max
    s.t. s_j1 >= r_j                                   for each job j
         s_jk + p_jk <= s_j,k+1                        for consecutive operations of a job
         s_jk + p_jk <= s_uv  or  s_uv + p_uv <= s_jk  for each pair of operations in M_i
         C_max >= s_jk + p_jk

As a Markov decision process (:mod:`.environment`) a schedule is built one operation at a time:
an action names the job whose next operation is appended to its machine.

References:
    Taillard 1993, "Benchmarks for basic scheduling problems", EJOR 64(2);
    Bierwirth & Mattfeld 1999, "Production scheduling and rescheduling with genetic algorithms",
    Evolutionary Computation 7(1);
    Zhang et al. 2020, "Learning to dispatch for job shop scheduling via deep reinforcement
    learning", NeurIPS 33.
"""
