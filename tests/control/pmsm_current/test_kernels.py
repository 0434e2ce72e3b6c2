"""The kernel against its twin in NumPy, gym-electric-motor and physics."""

from __future__ import annotations

import importlib.util
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.control.motors.inverter import LEGS, centred, to_phases, to_rotor, within_hexagon
from drlapps.control.motors.signals import Constant
from drlapps.control.pmsm_current.environment import PmsmCurrentEnv
from drlapps.control.pmsm_current.instances import Drive, named
from drlapps.control.pmsm_current.motor import Conditions, Motor
from drlapps.files import read_rows

RECORDED = read_rows(Path(__file__).parent / "data" / "gem-cont-cc-pmsm.csv")
MISSING = importlib.util.find_spec("gym_electric_motor") is None
MASK = 2**64 - 1


def environment(drives: list[Drive], **arguments: object) -> PmsmCurrentEnv:
    env = PmsmCurrentEnv(len(drives), drives, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0, options={"instances": drives})
    return env


def bare(steps: int, setpoints: np.ndarray | None = None, **conditions: object) -> Drive:
    """A drive without noise, delay and protection, whose angle is 0."""
    settings = {"noise": 0.0, "delay": 0, "protection": False, **conditions}
    pairs = np.zeros((steps, 2)) if setpoints is None else setpoints
    given_ = tuple((float(d), float(q)) for d, q in pairs)
    return Drive("bare", Motor(), Constant(), 0, Conditions(**settings), steps, given_)


def noise(key: int, counter: int) -> np.ndarray:
    mixed = (key + counter * 0x9E3779B97F4A7C15) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    mixed ^= mixed >> 31
    radius = math.sqrt(-2.0 * math.log(((mixed >> 32) + 1) / 2**32))
    angle = 2.0 * math.pi * (mixed & 0xFFFFFFFF) / 2**32
    return radius * np.array([math.cos(angle), math.sin(angle)])


class Twin:
    """One drive in plain NumPy, by the description."""

    def __init__(self, drive: Drive, control: str) -> None:
        self.drive, self.control, self.t = drive, control, 0
        motor, conditions = drive.motor, drive.conditions
        self.link = motor.link_voltage * conditions.voltage_scale
        self.plant = conditions.plant(motor, drive.steps)
        self.speeds = conditions.speeds(motor, drive.steps)
        self.current, self.angle = np.zeros(2), drive.angle
        self.legs = np.full(3, -0.5 * self.link)
        width = 2 if control == "dq" else 3
        idle = self.legs if control == "finite" else np.zeros(width)
        self.queue = [idle] * conditions.delay
        self.sum, self.recent = np.zeros(2), np.zeros((2, 2))
        self.measured = self.measure()
        self.changed = np.zeros(2)

    def block(self) -> int:
        return min(self.t // 20, len(self.plant) - 1)

    def measure(self) -> np.ndarray:
        spread = self.drive.conditions.noise
        return self.current + (spread * noise(self.drive.noise_key, self.t) if spread else 0.0)

    def phasor(self) -> np.ndarray:
        return np.array([np.cos(self.angle), np.sin(self.angle)])

    def command(self, action: np.ndarray) -> np.ndarray:
        if self.control == "dq":
            return 2.0 / 3.0 * self.link * action
        if self.control == "abc":
            return 0.5 * self.link * action
        return 0.5 * self.link * LEGS[int(action)]

    def step(self, action: np.ndarray) -> float:
        command, turn = self.command(np.asarray(action, np.float64)), self.phasor()
        seen = command if self.control == "dq" else to_rotor(command, turn)
        self.recent = np.array([seen / (2.0 / 3.0 * self.link), self.recent[0]])
        self.queue.append(command)
        acting = self.queue.pop(0)
        if self.control == "dq":
            fits = within_hexagon(acting[None], turn[None], np.array([self.link]))
            acting = centred(to_phases(fits, turn[None]))[0]
        signs = np.sign(np.round(to_phases(self.current, turn), 12))
        dead = self.drive.conditions.dead_time * 1e-6 / self.drive.motor.period
        mean = acting
        if self.control == "finite":
            switches = self.legs * acting < 0.0
            diode = -0.5 * self.link * signs
            mean = np.where(switches, dead * diode + (1.0 - dead) * acting, acting)
            self.legs = acting
        elif dead:
            mean = np.clip(acting - dead * self.link * signs, -0.5 * self.link, 0.5 * self.link)
        voltage = to_rotor(mean, turn)
        m = self.plant[self.block()]
        before = self.current
        self.current = m[0:4].reshape(2, 2) @ before + m[4:8].reshape(2, 2) @ voltage + m[8:10]
        self.angle += self.speeds[self.block()] * self.drive.motor.period
        limit = self.drive.motor.current_limit
        error = np.abs(self.drive.setpoints[self.t] - self.current).sum() / (4.0 * limit)
        self.t += 1
        measured = self.measure()
        self.changed, self.measured = measured - self.measured, measured
        off = (self.setpoint() - measured) / limit
        self.sum = np.clip(self.sum + 0.05 * off, -1.0, 1.0)
        trips = self.drive.conditions.protection and np.hypot(*self.current) > limit
        return -10.0 if trips else -error

    def setpoint(self) -> np.ndarray:
        return self.drive.setpoints[min(self.t, self.drive.steps - 1)]

    def features(self) -> np.ndarray:
        motor, limit = self.drive.motor, self.drive.motor.current_limit
        speed = self.speeds[self.block()] / (motor.pole_pairs * motor.speed_limit)
        return np.concatenate(
            [
                self.measured / limit, self.setpoint() / limit,
                10.0 * (self.setpoint() - self.measured) / limit, self.sum, self.recent.ravel(),
                10.0 * self.changed / limit, [speed], self.phasor(),
                speed * self.measured / limit, [self.drive.conditions.delay / 4.0],
            ]
        )  # fmt: skip


@pytest.mark.parametrize("control", ["dq", "abc", "finite"])
@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"delay": 0, "noise": 0.0},
        {"dead_time": 3.0, "delay": 3, "voltage_scale": 0.9},
        {"drift": 0.5, "acceleration": 400.0, "inductance_scale": 0.7, "flux_scale": 1.1},
    ],
)
def test_the_kernel_is_its_twin_in_numpy(control: str, conditions: dict[str, float]) -> None:
    drives = named(["wiener:0", "steps:1"], steps=70, protection=False, **conditions)
    env = environment(drives, control=control)
    twins = [Twin(drive, control) for drive in drives]
    rng = np.random.default_rng(0)
    for _ in range(70):
        shape = env.action_space.shape
        wild = rng.integers(0, 8, shape) if control == "finite" else rng.uniform(-1, 1, shape)
        actions = wild if control == "finite" else wild.astype(np.float32)
        observations, rewards, *_ = env.step(actions)
        for row, twin in enumerate(twins):
            assert rewards[row] == pytest.approx(twin.step(actions[row]), abs=1e-12)
            assert env.current[row] == pytest.approx(twin.current, abs=1e-8)
            assert env.measured[row] == pytest.approx(twin.measured, abs=1e-8)
            wanted = np.clip(twin.features(), -10.0, 10.0)
            assert observations[row] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("interlocking_us", [0, 2])
def test_equal_voltages_give_the_currents_of_gym_electric_motor(interlocking_us: int) -> None:
    # gym-electric-motor 3.0.3, see data/README.md; its solver's tolerance is about 1e-6.
    rows = [row for row in RECORDED if int(row["interlocking_us"]) == interlocking_us]
    found = {
        name: np.array([[float(row[f"{name}{axis}"]) for axis in axes] for row in rows])
        for name, axes in (("", "abc"), ("ref_", "dq"), ("i_", "dq"))
    }
    drive = bare(len(rows), found["ref_"], dead_time=float(interlocking_us))
    env = environment([drive], control="abc")
    rewards = [env.step(legs[None])[1][0] for legs in found[""]]
    assert env.path[0, :, 5:7] == pytest.approx(found["i_"], abs=1e-5)
    assert rewards == pytest.approx([float(row["reward"]) for row in rows], abs=1e-6)


@pytest.mark.skipif(MISSING, reason="needs gym-electric-motor")
def test_equal_voltages_give_the_currents_of_the_installed_gym_electric_motor() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import gym_electric_motor

        peer = gym_electric_motor.make("Cont-CC-PMSM-v0")
        peer.reset(seed=1)
        system = peer.unwrapped.physical_system
        places = [system.state_names.index(name) for name in ("i_sd", "i_sq")]
        actions = np.random.default_rng(1).uniform(-0.3, 0.3, (1000, 3))
        states = np.array([peer.step(action)[0][0] for action in actions])
    env = environment([bare(1000)], control="abc")
    for action in actions:
        env.step(action[None])
    assert env.path[0, :, 5:7] == pytest.approx((states * system.limits)[:, places], abs=1e-5)


def test_without_voltage_a_turning_machine_is_short_circuited() -> None:
    # Steady state: R i_d = w Lq i_q, R i_q = -w Ld i_d - w psi.
    env = environment([bare(3000)])
    for _ in range(3000):
        env.step(np.zeros((1, 2)))
    r, ld, lq, psi, w = 18e-3, 0.37e-3, 1.2e-3, 66e-3, 300.0
    wanted = np.linalg.solve([[r, -w * lq], [w * ld, r]], [0.0, -w * psi])
    assert env.current[0] == pytest.approx(wanted, rel=1e-3)
    assert env.current[0, 0] == pytest.approx(-psi / ld, rel=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["dq", "abc", "finite"]), st.floats(0.0, 5.0))
def test_voltages_never_leave_the_hexagon(seed: int, control: str, dead: float) -> None:
    drives = named(["uncertain:0..2"], steps=30, dead_time=dead, protection=False)
    env = environment(drives, control=control)
    env.action_space.seed(seed)
    for _ in range(30):
        env.step(env.action_space.sample())
    for row, drive in enumerate(drives):
        turns = drive.angle + drive.conditions.speeds(drive.motor, 1) * 1e-4 * np.arange(30)
        phasors = np.stack([np.cos(turns), np.sin(turns)], axis=1)
        phases = to_phases(env.path[row, :, 3:5], phasors)
        assert np.ptp(phases, axis=1).max() <= 300.0 + 1e-6


def test_within_the_circle_amplitudes_are_equal_in_all_directions() -> None:
    env = environment([bare(40)], limit="circle")
    for angle in np.linspace(0, 2 * np.pi, 40):
        env.step(np.array([[np.cos(angle), np.sin(angle)]]))
    sizes = np.hypot(env.path[0, :, 3], env.path[0, :, 4])
    assert sizes == pytest.approx(np.full(40, 300.0 / np.sqrt(3.0)))
