"""Scheduling and operations research."""

from drlapps.scheduling.inventory.tasks import (
    DUAL_SOURCING,
    INVENTORY_NETWORK,
    LOST_SALES,
    SERIAL_INVENTORY,
)
from drlapps.scheduling.job_shop.task import JOB_SHOP
from drlapps.scheduling.job_shop_improvement.task import JOB_SHOP_IMPROVEMENT
from drlapps.scheduling.job_shop_tardiness.task import JOB_SHOP_TARDINESS

TASKS = (
    JOB_SHOP,
    JOB_SHOP_IMPROVEMENT,
    JOB_SHOP_TARDINESS,
    LOST_SALES,
    DUAL_SOURCING,
    SERIAL_INVENTORY,
    INVENTORY_NETWORK,
)
