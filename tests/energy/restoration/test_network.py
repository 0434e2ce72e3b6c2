from __future__ import annotations

import numpy as np
import torch
from gymnasium.vector import AutoresetMode

from drlapps.energy.grid.feeder import Branch, Feeder
from drlapps.energy.restoration.environment import RestorationEnv
from drlapps.energy.restoration.instances import named, toy, train
from drlapps.energy.restoration.network import FeederPolicy
from drlapps.energy.restoration.outage import Outage
from drlapps.weights import weights_of, with_weights


def policy(env: RestorationEnv) -> FeederPolicy:
    torch.manual_seed(0)
    made = FeederPolicy(
        env.single_observation_space, env.single_action_space, lambda _: 1e-3, width=16, layers=2
    )
    # Larger scores than those of an untrained network, so that differences show.
    torch.nn.init.normal_(made.action_net[0].weight)
    return made


def batch(outages: list[Outage]) -> tuple[RestorationEnv, np.ndarray]:
    env = RestorationEnv(len(outages), outages, autoreset_mode=AutoresetMode.DISABLED)
    return env, env.reset(seed=0, options={"instances": outages})[0]


def scores(network: FeederPolicy, env: RestorationEnv, observations: np.ndarray) -> np.ndarray:
    masks = env.action_masks()
    with torch.no_grad():
        found = network.get_distribution(torch.from_numpy(observations), masks).distribution
    return np.where(masks, found.logits.numpy(), 0.0)


def test_scores_do_not_depend_on_padding() -> None:
    outage = named(["ieee33:outage-8"])[0]
    env, observations = batch([outage])
    padded, wide = batch([outage, named(["zhang118:outage-20"])[0]])
    network = policy(env)
    larger = with_weights(policy(padded), weights_of(network))
    small, large = scores(network, env, observations)[0], scores(larger, padded, wide)[0]
    e, n = 37, 33
    wide_e = padded.r.shape[1]
    assert np.allclose(small[:e], large[:e], atol=1e-5)
    assert np.allclose(small[e : e + n], large[wide_e : wide_e + n], atol=1e-5)
    assert np.isclose(small[-1], large[-1], atol=1e-5)


def test_scores_do_not_depend_on_the_order_of_buses_and_branches() -> None:
    outage = train(feeders=5).sample(np.random.default_rng(3))
    feeder, rng = outage.feeder, np.random.default_rng(4)
    buses = rng.permutation(len(feeder.buses))
    branches = rng.permutation(len(feeder.branches))
    shuffled = Feeder(
        "shuffled",
        tuple(feeder.buses[i] for i in buses),
        tuple(turned(feeder.branches[k], bool(rng.random() < 0.5)) for k in branches),
        feeder.source,
        feeder.kv,
    )
    where = np.argsort(branches)
    other = Outage("other", shuffled, tuple(int(where[k]) for k in outage.faults), outage.loading)
    (env, seen), (mixed, seen_mixed) = batch([outage]), batch([other])
    network = policy(env)
    ours, theirs = scores(network, env, seen)[0], scores(network, mixed, seen_mixed)[0]
    e = len(branches)
    assert np.allclose(ours[branches], theirs[:e], atol=1e-4)
    assert np.allclose(ours[e + buses], theirs[e:-1], atol=1e-4)
    assert np.isclose(ours[-1], theirs[-1], atol=1e-4)


def turned(branch: Branch, turn: bool) -> Branch:
    if not turn:
        return branch
    return Branch(
        branch.name, branch.to_bus, branch.from_bus, branch.r_ohm, branch.x_ohm, branch.closed
    )


def test_rows_whose_episode_has_ended_disturb_nobody() -> None:
    env, observations = batch(list(toy()))
    network = policy(env)
    before = scores(network, env, observations)
    env.step(np.array([env.mask.shape[1] - 1, *before[1:].argmax(axis=1)]))
    ended = observations.copy()
    ended[0] = 0.0
    after = scores(network, env, ended)
    assert np.isfinite(after).all()
