"""The job shop with due dates, ``J || sum w_j T_j``: total weighted tardiness.

The shop is that of :mod:`drlapps.scheduling.job_shop`: ``n`` jobs, each a fixed sequence of
operations on given machines, of which one does one operation at a time and never interrupts it.
But nobody waits for the last job alone. Each job ``j`` has a due date ``d_j`` and a weight ``w_j``,
what a unit of delay costs, and with ``C_j`` the end of its last operation its *tardiness* is ``T_j
= max(0, C_j - d_j)``::

    min  sum_j w_j T_j
    s.t. s_j1 >= r_j                                   for each job j
         s_jk + p_jk <= s_j,k+1                        for consecutive operations of a job
         s_jk + p_jk <= s_uv  or  s_uv + p_uv <= s_jk  for each pair of operations of a machine
         T_j >= C_j - d_j,  T_j >= 0

The objective is regular: no operation gains by starting later, so that the active schedules
contain an optimal one, and the decision process, its actions and its masks are those of the job
shop; only what is observed and paid differs (:mod:`.environment`).

Where no due dates are given, they follow from the *tightness* ``f`` as in Singer & Pinedo (1998):
``d_j`` is the release plus ``f`` times the processing time of the job, rounded down, and the first
fifth of the jobs has the weight 4, the last fifth 1, all others 2.

References:
    Vepsalainen & Morton 1987, "Priority rules for job shops with weighted tardiness costs",
    Management Science 33(8);
    Singer & Pinedo 1998, "A computational study of branch and bound techniques for minimizing the
    total weighted tardiness in job shops", IIE Transactions 30(2);
    Mati, Dauzère-Pérès & Lahlou 2011, "A general approach for optimizing regular criteria in the
    job-shop scheduling problem", European Journal of Operational Research 212(1).
"""
