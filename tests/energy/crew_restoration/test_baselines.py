"""The dispatch rules, and the network that learns from the same columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.energy.crew_restoration.baselines import (
    LargestWeight,
    Nearest,
    RhoFactor,
    Rollout,
    Rule,
    ShortestRepair,
)
from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.environment import CrewRestorationEnv
from drlapps.energy.crew_restoration.list_scheduling import Conversion, harms

Draw = Callable[..., Damage]


def play(rule: Rule, pool: list[Damage]) -> tuple[list[float], list[list[str]]]:
    """The harm of a rule on each instance, and the order of the lines it repairs."""
    env = CrewRestorationEnv(len(pool), pool, autoreset_mode=AutoresetMode.DISABLED)
    seen, _ = env.reset(seed=0, options={"instances": pool})
    over = np.zeros(len(pool), bool)
    while not over.all():
        seen, _, over, _, _ = env.step(rule.act(env, seen))
    rows = range(len(pool))
    orders = [[r["line"] for r in env.solution(row)["repairs"]] for row in rows]
    return [env.metrics(row)["harm"] for row in rows], orders


def test_the_rho_factor_dispatches_the_list_of_the_conversion(draw: Draw) -> None:
    """Tan et al., theorem 5: the two are equivalent."""
    pool = [draw(seed, lines=9, crews=1 + seed % 4) for seed in range(12)]
    found, _ = play(RhoFactor(), pool)
    for value, damage in zip(found, pool, strict=True):
        order = Conversion().solve(damage, 0).actions
        assert order is not None
        assert value == pytest.approx(harms(damage, order[None])[0])


def test_rollouts_improve_on_their_base(draw: Draw) -> None:
    pool = [draw(seed, lines=9, crews=1 + seed % 4) for seed in range(20)]
    found, _ = play(Rollout(), pool)
    base, _ = play(RhoFactor(), pool)
    assert sum(found) < sum(base)


def test_rules_go_by_their_columns(draw: Draw) -> None:
    damage = draw(5, lines=6, crews=1, travel=True)
    hours = dict(zip(damage.line_names, damage.hours, strict=True))
    above = damage.blocks.upper
    heads = [name for name, up in zip(damage.line_names, above, strict=True) if up == 0]
    (first, *_), *_ = play(ShortestRepair(), [damage])[1]
    assert hours[first] == min(hours[name] for name in heads)
    (first, *_), *_ = play(Nearest(), [damage])[1]
    way = {name: damage.travel[0][k] for k, name in enumerate(damage.line_names, 1)}
    assert way[first] == min(way[name] for name in heads)
    (first, *_), *_ = play(LargestWeight(), [damage])[1]
    behind = np.array(damage.blocks.weight[1:])
    for line in range(6):
        up = int(above[line])
        while up:
            behind[up - 1] += damage.blocks.weight[line + 1]
            up = int(above[up - 1])
    assert damage.line_names.index(first) == int(behind.argmax())


def test_the_network_is_blind_to_order_and_fits_any_number(draw: Draw) -> None:
    import torch
    from gymnasium import spaces

    from drlapps.energy.crew_restoration.features import COLUMN, FEATURES
    from drlapps.energy.crew_restoration.network import CrewPolicy

    def policy(lines: int) -> CrewPolicy:
        box = spaces.Box(-10.0, 10.0, (lines, len(FEATURES)), np.float32)
        return CrewPolicy(box, spaces.Discrete(lines), lambda _: 0.0)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        small, large = policy(5), policy(9)
        large.load_state_dict(small.state_dict())
        seen = torch.rand(3, 5, len(FEATURES))
    seen[..., COLUMN["unrepaired"]] = 1.0
    order = torch.tensor([3, 1, 4, 0, 2])
    scores = small.get_distribution(seen).distribution.logits
    assert torch.allclose(
        small.get_distribution(seen[:, order]).distribution.logits, scores[:, order], atol=1e-6
    )
    padded = torch.cat([seen, torch.zeros(3, 4, len(FEATURES))], dim=1)
    masks = np.arange(9) < 5
    more = large.get_distribution(padded, np.tile(masks, (3, 1))).distribution.logits
    assert torch.allclose(more[:, :5], scores, atol=1e-5)
    assert torch.allclose(large.predict_values(padded), small.predict_values(seen), atol=1e-6)
