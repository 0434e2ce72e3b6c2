"""How the agent for due dates is trained."""

from dataclasses import replace

from drlapps.scheduling.job_shop import presets

# What holds of the makespan holds of tardiness: it is a sum over the whole episode, and active
# schedules contain an optimum. One number of jobs fills the batch without padding; that of machines
# varies the congestion.
MASKABLE_PPO = replace(
    presets.MASKABLE_PPO, steps=2_000_000, instances={"jobs": [10, 10], "machines": [6, 14]}
)
