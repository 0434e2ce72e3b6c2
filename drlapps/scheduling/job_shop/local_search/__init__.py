"""Local search for the job shop: complete schedules, improved by re-ordering operations.

A schedule is a *selection* of the disjunctive graph (:mod:`.graph`): the order of the operations
on every machine. Its makespan is the longest path; only moves that break a longest path can
shorten it (:mod:`.neighbourhoods`).
"""
