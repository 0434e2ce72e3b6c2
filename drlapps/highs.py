"""HiGHS through Pyomo, kept warm: for a model that is built once and solved many times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel


def persistent(model: ConcreteModel, **options: object) -> Any:
    """Return HiGHS with the model loaded, on the watch for changed parameters only.

    To look for other changes costs more than to solve. The number of threads is left alone: HiGHS
    has one pool of them in a process, and refuses to solve where somebody asks for another number.

    Args:
        model: whose mutable parameters will change; nothing else may.
        options: of HiGHS.
    """
    from pyomo.contrib.appsi.solvers import Highs

    solver = Highs()
    solver.highs_options = {"log_to_console": False, **options}
    solver.config.load_solution = False
    solver.set_instance(model)
    updates = solver.update_config
    for change in (
        "check_for_new_or_removed_constraints",
        "check_for_new_or_removed_vars",
        "check_for_new_or_removed_params",
        "check_for_new_objective",
        "update_constraints",
        "update_vars",
        "update_named_expressions",
        "update_objective",
    ):
        setattr(updates, change, False)
    return solver
