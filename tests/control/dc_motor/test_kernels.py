"""The kernel against its twin in NumPy, gym-electric-motor and closed forms."""

from __future__ import annotations

import importlib.util
import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.environment import DcMotorEnv
from drlapps.control.dc_motor.instances import named
from drlapps.control.dc_motor.kernels import LEGS
from drlapps.control.dc_motor.motor import KINDS, LOADS, MOTORS, Conditions
from drlapps.control.motors.signals import Constant
from drlapps.files import read_rows

RECORDED = read_rows(Path(__file__).parent / "data" / "gem-dc-motors.csv")
ENVIRONMENTS = list(dict.fromkeys(row["environment"] for row in RECORDED))
MISSING = importlib.util.find_spec("gym_electric_motor") is None
NAMES = {"SeriesDc": "series", "ShuntDc": "shunt", "PermExDc": "permanently-excited"}
MASK = 2**64 - 1


def environment(drives: list[Drive], **arguments: object) -> DcMotorEnv:
    env = DcMotorEnv(len(drives), drives, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0, options={"instances": drives})
    return env


def bare(kind: str, control: str, steps: int, level: float = 0.0, **conditions: object) -> Drive:
    """A drive without noise, delay, protection and extra load."""
    quiet = {"noise": 0.0, "delay": 0, "protection": False, "load_torque": 0.0, **conditions}
    signal = Constant(level, level)
    return Drive("bare", MOTORS[kind], LOADS[kind], control, signal, 0, Conditions(**quiet), steps)


def peer(name: str, steps: int) -> DcMotorEnv:
    """What corresponds to an environment of gym-electric-motor."""
    actions, task, motor, _ = name.split("-")
    drive = bare(NAMES[motor], "current" if task == "CC" else "speed", steps)
    return environment([drive], control_set="finite" if actions == "Finite" else "continuous")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_equal_voltages_give_the_path_of_gym_electric_motor(name: str) -> None:
    # gym-electric-motor 3.0.3, see data/README.md; its solver's relative tolerance is 1e-6.
    rows = [row for row in RECORDED if row["environment"] == name]
    env = peer(name, len(rows))
    for row in rows:
        env.step(np.array([float(row["action"])]).reshape(env.action_space.shape))
    wanted = [[float(row[column]) for column in ("i_a", "i_e", "omega")] for row in rows]
    assert env.path[0, : len(rows), 2:5] == pytest.approx(np.array(wanted), rel=1e-6, abs=1e-5)


@pytest.mark.skipif(MISSING, reason="needs gym-electric-motor")
@pytest.mark.parametrize("motor", NAMES)
def test_equal_voltages_give_the_path_of_the_installed_gym_electric_motor(motor: str) -> None:
    name = f"Cont-SC-{motor}-v0"
    actions = np.random.default_rng(1).uniform(-0.1, 0.5, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import gym_electric_motor

        other = gym_electric_motor.make(name)
        other.reset(seed=1)
        system = other.unwrapped.physical_system
        states = [system.simulate(np.array([one])) * system.limits for one in actions]
    env = peer(name, 100)
    for action in actions:
        env.step(np.array([[action]]))
    armature = system.state_names.index("i_a" if motor == "ShuntDc" else "i")
    wanted = np.array(states)[:, [armature, system.state_names.index("omega")]]
    found = env.path[0, :, 2:5:2]
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_at_a_constant_speed_the_current_is_the_exponential(kind: str) -> None:
    # u = 12 V at 50 rad/s for 5 ms; both circuits of a shunt motor are solved one after the other.
    env, time = environment([bare(kind, "current", 50, speed=50.0)]), 5e-3
    for _ in range(50):
        env.step(np.array([[0.2]]))
    if kind == "series":
        drop = 16e-3 + 48e-3 + 1.7e-3 * 50.0
        wanted = 12.0 / drop * (1.0 - math.exp(-drop * time / 5.419e-3))
    elif kind == "permanently-excited":
        wanted = (12.0 - 0.165 * 50.0) / 16e-3 * (1.0 - math.exp(-16e-3 * time / 19e-6))
    else:
        p, q, last = 16e-3 / 19e-6, 0.4 / 5.4e-3, 12.0 / 0.4
        induced = 1.7e-3 * 50.0 * last
        # L i' + R i = u - induced (1 - exp(-q t)).
        wanted = (12.0 - induced) / 16e-3 * (1.0 - math.exp(-p * time))
        wanted += induced / 19e-6 * (math.exp(-q * time) - math.exp(-p * time)) / (p - q)
        assert env.current[0, 1] == pytest.approx(last * (1.0 - math.exp(-q * time)), rel=1e-9)
    assert env.current[0, 0] == pytest.approx(wanted, rel=1e-7)


def test_a_series_motor_settles_where_torque_is_friction() -> None:
    # M i^2 = 0.01 + 0.05 w and u = (R + M w) i.
    env = environment([bare("series", "speed", 8000, 0.1)])
    for _ in range(8000):
        env.step(np.array([[0.5]]))
    current, speed = env.current[0, 0], env.speed[0]
    assert 1.7e-3 * current**2 == pytest.approx(0.01 + 0.05 * speed, rel=1e-6)
    assert (64e-3 + 1.7e-3 * speed) * current == pytest.approx(30.0, rel=1e-6)


def test_a_shunt_motor_does_not_pass_the_speed_at_which_its_flux_holds_all_voltage() -> None:
    drive = bare("shunt", "speed", 4000, 0.1)
    free = replace(drive, load=replace(drive.load, static=0.0, viscous=0.0))
    ends = []
    for share in (0.2, 0.5):
        env = environment([free])
        for _ in range(4000):
            env.step(np.array([[share]]))
        ends.append(env.speed[0])
    # w = R_e / M, whatever the voltage.
    assert ends == pytest.approx([0.4 / 1.7e-3] * 2, rel=1e-3)


def noise(key: int, counter: int) -> np.ndarray:
    mixed = (key + counter * 0x9E3779B97F4A7C15) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    mixed ^= mixed >> 31
    radius = math.sqrt(-2.0 * math.log(((mixed >> 32) + 1) / 2**32))
    angle = 2.0 * math.pi * (mixed & 0xFFFFFFFF) / 2**32
    return radius * np.array([math.cos(angle), math.sin(angle)])


class Twin:
    """One drive in plain NumPy, by the description; with protection off."""

    def __init__(self, drive: Drive, finite: bool) -> None:
        self.drive, self.finite, self.t = drive, finite, 0
        self.x = np.array([0.0, 0.0, drive.start])
        self.supply = drive.motor.voltage * drive.conditions.voltage_scale
        idle = 3 if finite else drive.idle
        self.queue, self.legs = [idle] * drive.conditions.delay, LEGS[3]
        self.sent, self.changes, self.sum = [self.share(idle)] * 4, [0.0] * 4, 0.0
        self.seen = self.measure()

    def measure(self) -> np.ndarray:
        spread = self.drive.conditions.noise
        shown = self.x[:2] + (spread * noise(self.drive.noise_key, self.t) if spread else 0.0)
        return np.array(
            [shown[0], shown[1] if self.drive.motor.kind == "shunt" else 0.0, self.x[2]]
        )

    def value(self, seen: np.ndarray) -> float:
        return float(seen[0] if self.drive.control == "current" else seen[2])

    def wanted(self) -> float:
        period = self.t // 10 if self.finite else self.t
        return float(self.drive.setpoints[min(period, self.drive.steps - 1)])

    def slopes(self, x: np.ndarray, u: float, extra: float) -> np.ndarray:
        drive, (r, inverse, r_e, inverse_e, own, mutual, magnets, inertia) = (
            self.drive, self.drive.motor.plant(self.drive.conditions, self.drive.load)
        )  # fmt: skip
        i, e, w = x
        flux = own * i + mutual * e + magnets
        load, most = drive.load, drive.load.static + extra
        friction = np.clip(w * inertia / 1e-3, -most, most) + load.viscous * w
        friction += load.quadratic * w * abs(w)
        turning = (flux * i - friction) / inertia
        if drive.control == "current":
            turning = drive.conditions.acceleration
        return np.array([inverse * (u - r * i - flux * w), inverse_e * (u - r_e * e), turning])

    def voltage(self, command: float) -> float:
        flow, share = np.sign(self.x[0] + self.x[1]), 1e-6 * self.drive.conditions.dead_time / 1e-4
        if not self.finite:
            lost = 2.0 * share * self.supply * flow
            return float(np.clip(self.supply * command - lost, -self.supply, self.supply))
        now, levels = LEGS[int(command)], []
        for leg, out in enumerate((flow, -flow)):
            rail = now[leg] if out == 0 else float(out < 0)
            moved = now[leg] != self.legs[leg]
            levels.append(now[leg] + (10.0 * share * (rail - now[leg]) if moved else 0.0))
        self.legs = now
        return self.supply * (levels[0] - levels[1])

    def share(self, command: float) -> float:
        return float(LEGS[int(command)] @ [1, -1] if self.finite else command)

    def step(self, action: float) -> float:
        self.sent = [self.share(action), *self.sent[:3]]
        self.queue.append(action)
        u, wanted, scale = self.voltage(self.queue.pop(0)), self.wanted(), self.drive.scale
        extra, errors, h = self.drive.torques[self.t // 10 if self.finite else self.t], [], 1e-5
        for _ in range(1 if self.finite else 10):
            a = self.slopes(self.x, u, extra)
            b = self.slopes(self.x + h / 2 * a, u, extra)
            c = self.slopes(self.x + h / 2 * b, u, extra)
            d = self.slopes(self.x + h * c, u, extra)
            self.x = self.x + h / 6 * (a + 2 * b + 2 * c + d)
            errors.append(abs(wanted - self.value(self.x)) / (2 * scale))
        self.t += 1
        before, self.seen = self.value(self.seen), self.measure()
        change = (self.value(self.seen) - before) / self.reach()
        self.changes = [change, *self.changes[:3]]
        self.sum = float(np.clip(self.sum + 0.05 * np.clip(self.off(), -1, 1), -1.0, 1.0))
        return -float(np.mean(errors))

    def off(self) -> float:
        return (self.wanted() - self.value(self.seen)) / self.reach()

    def reach(self) -> float:
        inverse = {"series": 1 / 5.419e-3}.get(self.drive.motor.kind, 1 / 19e-6)
        if self.drive.control == "current":
            return 60.0 * 1e-4 * inverse
        torque = {"permanently-excited": 0.165 * 210}.get(self.drive.motor.kind, 1.7e-3 * 210**2)
        return torque * 1e-4 / {"permanently-excited": 0.0251}.get(self.drive.motor.kind, 0.0026)

    def features(self) -> np.ndarray:
        motor, scale = self.drive.motor, self.drive.scale
        limits = [motor.current_limit, motor.current_limit, motor.speed_limit]
        shares = self.seen / limits
        rest = [self.wanted() / scale, self.off(), self.sum, self.drive.conditions.delay / 4]
        return np.array([*shares, *rest, *self.sent, *self.changes])


@pytest.mark.parametrize("control", ["current", "speed"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["continuous", "finite"])
@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"delay": 0, "noise": 0.0, "acceleration": 400.0},
        {"delay": 3, "dead_time": 2.0, "voltage_scale": 0.8, "flux_scale": 1.1},
    ],
)
def test_the_kernel_is_its_twin(
    control: str, kind: str, which: str, conditions: dict[str, float]
) -> None:
    words, steps = ["wiener:0", "steps:1"], 30
    drives = named(words, kind, control, steps=steps, protection=False, **conditions)
    env = environment(drives, control_set=which)
    twins = [Twin(drive, which == "finite") for drive in drives]
    rng = np.random.default_rng(0)
    for _ in range(steps):
        shape = env.action_space.shape
        actions = rng.integers(0, 4, shape) if which == "finite" else rng.uniform(-1, 1, shape)
        observations, rewards, *_ = env.step(actions)
        for row, twin in enumerate(twins):
            action = float(actions[row] if which == "finite" else actions[row, 0])
            assert rewards[row] == pytest.approx(twin.step(action), abs=1e-12)
            assert [*env.current[row], env.speed[row]] == pytest.approx(twin.x, abs=1e-8)
            wanted = np.clip(twin.features(), -10.0, 10.0)
            assert observations[row] == pytest.approx(wanted, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from(KINDS),
    st.sampled_from(["continuous", "finite"]),
    st.floats(0.0, 5.0),
)
def test_voltages_never_pass_the_supply(seed: int, kind: str, which: str, dead: float) -> None:
    drives = named(["uncertain:0..1"], kind, steps=20, dead_time=dead, protection=False)
    env = environment(drives, control_set=which)
    env.action_space.seed(seed)
    for _ in range(20):
        env.step(env.action_space.sample())
    assert np.abs(env.path[:, :, 1]).max() <= 60.0


def test_ten_switching_states_are_a_period_of_their_mean() -> None:
    # Six of ten tenths with all the voltage: for a slow circuit nearly 0.6 throughout.
    drive = bare("series", "current", 20)
    mean, switched = environment([drive]), environment([drive], control_set="finite")
    for _ in range(20):
        mean.step(np.array([[0.6]]))
        for tenth in range(10):
            switched.step(np.array([int(tenth < 6)]))
    assert switched.current[0, 0] == pytest.approx(mean.current[0, 0], rel=5e-3)
    # The second leg rests but at the start; the first goes up and down once a period.
    assert switched.metrics(0)["switching_khz"] == pytest.approx(5.0, rel=0.05)
