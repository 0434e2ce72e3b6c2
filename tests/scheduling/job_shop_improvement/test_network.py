"""The policy network: blind to order, padding and size."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from drlapps.scheduling.job_shop.instances import RandomJobShops
from drlapps.scheduling.job_shop_improvement.environment import JobShopImprovementEnv
from drlapps.scheduling.job_shop_improvement.network import ImprovementPolicy

SMALL = RandomJobShops(jobs=(4, 4), machines=(3, 3)).take(5)
LARGE = RandomJobShops(jobs=(7, 7), machines=(5, 5)).take(5)


def environment(shops: tuple, graph: bool) -> JobShopImprovementEnv:
    env = JobShopImprovementEnv(
        5, [*shops], show_graph=graph, autoreset_mode=AutoresetMode.DISABLED
    )
    env.reset(seed=0, options={"instances": [*shops][:5]})
    for _ in range(5):
        env.step(np.zeros(5, int))
    return env


def policy(env: JobShopImprovementEnv, **options: object) -> ImprovementPolicy:
    torch.manual_seed(0)
    found = ImprovementPolicy(
        env.single_observation_space, env.single_action_space, lambda _: 0.0, **options
    )  # type: ignore[arg-type]
    with torch.no_grad():  # the last layer starts near zero, which would hide differences
        for weights in found.parameters():
            weights.normal_(0.0, 0.3)
    return found


def logits(network: ImprovementPolicy, env: JobShopImprovementEnv) -> np.ndarray:
    with torch.no_grad():
        observations = torch.from_numpy(env._observe())
        masks = env.action_masks()
        found = network.get_distribution(observations, masks).distribution.logits.numpy()
    return np.where(masks, found, 0.0)


@pytest.mark.parametrize("graph", [False, True])
def test_padding_changes_nothing_and_weights_fit_every_size(graph: bool) -> None:
    alone, padded = environment(SMALL, graph), environment((*SMALL, *LARGE), graph)
    network, other = policy(alone), policy(padded)
    other.load_state_dict(network.state_dict())
    assert np.allclose(logits(network, alone), logits(other, padded), atol=1e-5)


@pytest.mark.parametrize("graph", [False, True])
def test_the_order_of_candidates_does_not_matter(graph: bool) -> None:
    env = environment(LARGE, graph)
    network = policy(env)
    count = env.search.candidates.shape[1]
    rows = np.random.default_rng(0).permutation(count)
    observations = env._observe()
    shuffled = observations.copy()
    shuffled[:, :count] = observations[:, rows]
    masks = env.action_masks()
    with torch.no_grad():
        plain, moved = (
            network.get_distribution(torch.from_numpy(seen), admitted).distribution.probs
            for seen, admitted in ((observations, masks), (shuffled, masks[:, rows]))
        )
    assert torch.allclose(plain[:, rows], moved, atol=1e-5)


def test_messages_travel_along_jobs_and_machines_only() -> None:
    """With one round an operation hears of neighbours, of its job and its machine, and no more."""
    env = environment(LARGE, graph=True)
    network = policy(env, layers=1)
    encoder = network.features_extractor
    rows = torch.from_numpy(env._observe()[:1, env.search.candidates.shape[1] :])
    rows.requires_grad_()
    embedded = encoder.graph(rows)[0]
    s, width = env.selection, env.selection.machines.shape[2]
    machines = s.machines[0].ravel()
    for v in (0, 7, 19):
        (gradient,) = torch.autograd.grad(embedded[v].sum(), rows, retain_graph=True)
        heard = set(np.flatnonzero(gradient[0, :, 1:6].abs().sum(dim=1).numpy()).tolist())
        related = {
            u
            for u in range(machines.size)
            if u // width == v // width or machines[u] == machines[v]
        }
        # The context hears what the topology has told the job and the machine.
        told = set(related)
        for u in related:
            told |= {int(w) for w in (s.before[0, u], s.after[0, u]) if w >= 0}
            told |= {w for w in (u - 1, u + 1) if w // width == u // width and w >= 0}
        assert related <= heard <= told


def test_actions_are_drawn_among_the_candidates_even_where_the_best_is_asked_for() -> None:
    env = environment(LARGE, graph=False)
    network = policy(env)
    with torch.no_grad():
        network.action_net[0].weight.zero_()  # all admitted candidates equally likely
    masks = np.zeros((5, env.single_action_space.n), bool)
    masks[:, 2] = masks[:, 5] = True
    observations, drawn = env._observe(), set()
    for _ in range(8):
        actions, _ = network.predict(observations, deterministic=True, action_masks=masks)
        drawn |= set(actions.tolist())
    assert drawn == {2, 5}


def test_the_network_reads_the_spaces_of_the_environment() -> None:
    env = environment(SMALL, graph=True)
    assert isinstance(env.single_observation_space, gymnasium.spaces.Box)
    assert policy(env).features_extractor.graph is not None
    assert policy(environment(SMALL, graph=False)).features_extractor.graph is None
