"""Classical methods: closed forms at random phases, descent, L-BFGS, and their robust variants.

Each sees the believed block and decides once on it, phases and precoder together.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from drlapps import policy
from drlapps.comms.ris_beamforming import coordinate_descent, precoding
from drlapps.comms.ris_beamforming.block import Block
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.lbfgs import ascend_blocks, downlink
from drlapps.comms.ris_beamforming.robust import Belief, belief, taken_at_its_word
from drlapps.comms.ris_beamforming.surface import Complex, Real, Surface
from drlapps.errors import InputError
from drlapps.policy import Incumbents, Plan, Solver

_SMALLEST = Block(
    np.ones((1, 1, 1), np.complex128), np.zeros((1, 1), np.complex128), 1.0, 1.0, Surface()
)


@dataclass(frozen=True, eq=False)
class Design:
    """A decision on one block.

    Attributes:
        phases: shape (N,), in radians.
        precoder: shape (M, K).
        effort: iterations it took.
        method: how it was found.
    """

    phases: Real
    precoder: Complex
    effort: int = 0
    method: str = ""

    def rates(self, block: Block) -> Real:
        """Return the users' rates in a block, in bit/s/Hz."""
        return precoding.user_rates(block.matrix(self.phases), self.precoder, block.noise)

    def rate(self, block: Block) -> float:
        """Return their sum."""
        return float(self.rates(block).sum())

    def mean_rate(self, blocks: Sequence[Block]) -> float:
        """Return the mean of it over what the block may be."""
        return float(np.mean([self.rate(block) for block in blocks]))

    def among(self, users: list[int], total: int) -> Design:
        """Return the decision for users who are some of all."""
        precoder = np.zeros((len(self.precoder), total), np.complex128)
        precoder[:, users] = self.precoder
        return replace(self, precoder=precoder)

    def action(self) -> Real:
        """Return the environment's joint action."""
        entries = self.precoder.ravel()
        return np.concatenate(
            [
                np.concatenate([entries.real, entries.imag]) / np.abs(entries).max(),
                np.cos(self.phases),
                np.sin(self.phases),
            ]
        )


@dataclass
class Search:
    """What a method may use besides the block.

    Attributes:
        rng: source of starts.
        seconds: at which, on the clock of ``incumbents``, no further start is tried.
        previous: phases of the block before.
        incumbents: told of what is found.
        log: whether the rate of one block is that of the instance, and worth telling.
    """

    rng: np.random.Generator
    seconds: float = float("inf")
    previous: Real | None = None
    incumbents: Incumbents = field(default_factory=lambda: Incumbents(minimize=False))
    log: bool = True

    def starts(self, count: int, block: Block) -> Real:
        """Return random phases (count, N), the first of them those of the block before, if any."""
        starts = self.rng.uniform(-np.pi, np.pi, (count, block.cascaded.shape[1]))
        if self.previous is not None:
            starts[0] = self.previous
        return starts

    def over(self) -> bool:
        """Tell whether the time is up."""
        return self.incumbents.seconds() >= self.seconds


class BlockSolver(Solver):
    """Decides on phases and precoder of one block after the other.

    Args:
        robust: reckon with what is known of the errors of estimates and hardware (see
            :mod:`.robust`): begin with all users, leave out the one with the least rate, and so
            on; take the decision with the highest mean rate over what the channels may truly be.
        time_limit: seconds after which no further start is tried on an instance.
    """

    environment: Mapping[str, object] = {"actions": "joint", "steps": 1}

    def __init__(self, *, robust: bool = False, time_limit: float | None = None) -> None:
        self.robust = robust
        self.time_limit = float("inf") if time_limit is None else time_limit
        # Compile the kernels now: what is timed later should not pay for it.
        self.design(_SMALLEST, Search(np.random.default_rng(0)))

    @abstractmethod
    def design(self, block: Block, search: Search) -> Design:
        """Return the decision on a block."""

    def solve(self, instance: Channel, seed: int) -> Plan:
        """Return one decision a block; each begins where the one before ended."""
        count = instance.setting.blocks
        search = Search(np.random.default_rng([seed, 0x715]), log=count == 1)
        designs: list[Design] = []
        rates: list[float] = []
        for index in range(count):
            search.seconds = self.time_limit * (index + 1) / count
            known = (belief if self.robust else taken_at_its_word)(instance, index)
            scenarios = known.scenarios(search.rng)
            designs.append(self._decided(known, scenarios, search))
            rates.append(designs[-1].mean_rate(scenarios))
            search.previous = designs[-1].phases
        rate = float(np.mean(instance.shares * rates))
        search.incumbents.add(rate)
        details: dict[str, object] = {
            "believed_rate": rate,
            "iterations": sum(design.effort for design in designs),
        }
        if methods := [design.method for design in designs if design.method]:
            details["methods"] = methods
        return Plan(
            incumbents=search.incumbents.log(),
            details=details,
            actions=np.stack([design.action() for design in designs]),
        )

    def _decided(self, known: Belief, scenarios: Sequence[Block], search: Search) -> Design:
        """Return the decision on a block of which so much is known."""
        if known.certain:
            return self.design(known.mean, search)
        search = replace(search, log=False)
        total = len(known.mean.cascaded)
        users, found = list(range(total)), []
        while users:
            block = known.among(users)
            design = self.design(block, search)
            found.append(design.among(users, total))
            users.pop(int(design.rates(block).argmin()))
        best = max(found, key=lambda design: design.mean_rate(scenarios))
        return replace(best, effort=sum(design.effort for design in found))


class Mrt(BlockSolver):
    """Maximum ratio transmission at random phases."""

    def design(self, block: Block, search: Search) -> Design:
        """Send each stream along its user's channel."""
        phases = search.starts(1, block)[0]
        return Design(phases, precoding.mrt(block.matrix(phases), block.power))


class ZfRandom(BlockSolver):
    """Zero forcing with water filling at random phases."""

    def design(self, block: Block, search: Search) -> Design:
        """Keep the users apart."""
        phases = search.starts(1, block)[0]
        return Design(
            phases, precoding.zf_water_filling(block.matrix(phases), block.power, block.noise)
        )


class UpperBound(ZfRandom):
    """The cooperative bound on the sum rate, which the environment reports when relaxed."""

    environment: Mapping[str, object] = {**BlockSolver.environment, "relaxed": True}


class WmmseRandom(BlockSolver):
    """Weighted MMSE at random phases, from zero forcing and from MMSE precoding."""

    def design(self, block: Block, search: Search) -> Design:
        """Optimise the precoder."""
        phases = search.starts(1, block)[0]
        return Design(phases, precoding.polished(block.matrix(phases), block.power, block.noise))


class Restarting(BlockSolver):
    """A search from several starts, random but for where the block before ended.

    Args:
        restarts: their number.
        robust: see :class:`BlockSolver`.
        time_limit: seconds after which no further start is tried on an instance.

    Raises:
        InputError: there is no start.
    """

    def __init__(
        self, *, restarts: int = 8, robust: bool = False, time_limit: float | None = None
    ) -> None:
        if isinstance(restarts, bool) or not isinstance(restarts, int) or restarts < 1:
            raise InputError(f"restarts must be a whole number above 0, not {restarts!r}")
        self.restarts = restarts
        self.batch = restarts if time_limit is None else 1
        super().__init__(robust=robust, time_limit=time_limit)

    def design(self, block: Block, search: Search) -> Design:
        """Return the best of all starts, or of as many as there is time for."""
        starts, found = search.starts(self.restarts, block), []
        for first in range(0, self.restarts, self.batch):
            if first and search.over():
                break
            found.append(self.refined(block, starts[first : first + self.batch]))
            if search.log:
                search.incumbents.add(found[-1].rate(block))
        best = max(found, key=lambda design: design.rate(block))
        return replace(best, effort=sum(design.effort for design in found))

    @abstractmethod
    def refined(self, block: Block, starts: Real) -> Design:
        """Return the best that is found from starts (S, N)."""


class WmmseBcd(Restarting):
    """WMMSE and phase block-coordinate descent by turns (see :mod:`.coordinate_descent`)."""

    def refined(self, block: Block, starts: Real) -> Design:
        """Descend from every start."""
        found = coordinate_descent.alternate(block, starts)
        best = found.best
        return Design(found.phases[best], found.precoders[best], int(found.iterations.sum()))


class PhaseAscent(Restarting):
    """L-BFGS over phases on a closed-form rate (see :mod:`.lbfgs`), the precoder polished after."""

    objective: ClassVar[str]

    def refined(self, block: Block, starts: Real) -> Design:
        """Climb from every start and find the precoder for where the best climb ended."""
        users, _, antennas = block.cascaded.shape
        objective = "mmse" if self.objective == "zf" and users > antennas else self.objective
        found = ascend_blocks([block], starts[None], objective)
        if not np.isfinite(found.values).any():  # users whom no phases tell apart
            found = ascend_blocks([block], starts[None], "mmse")
        best = int(found.values[0].argmax())
        phases, powers = found.phases[0, best], found.powers[0, best]
        return Design(phases, self.precoder(block, phases, powers), int(found.iterations.sum()))

    def precoder(self, block: Block, phases: Real, powers: Real) -> Complex:
        """Return the best precoder (M, K) for phases and powers in the dual uplink."""
        return precoding.polished(block.matrix(phases), block.power, block.noise)


class ZfLbfgs(PhaseAscent):
    """L-BFGS on the rate of zero forcing; of MMSE precoding where zeros cannot be forced."""

    objective = "zf"


class MmseLbfgs(PhaseAscent):
    """L-BFGS on the rate of MMSE precoding."""

    objective = "mmse"


class RateLbfgs(PhaseAscent):
    """L-BFGS on the highest rate of any linear precoder, over phases and powers at once."""

    objective = "rate"

    def precoder(self, block: Block, phases: Real, powers: Real) -> Complex:
        """Return the better of the polished precoder and the dual uplink's, polished too."""
        h = block.matrix(phases)
        start = downlink(h, powers, block.power, block.noise)
        found = np.stack(
            [
                precoding.wmmse(h, block.power, block.noise, start),
                super().precoder(block, phases, powers),
            ]
        )
        return np.asarray(found[precoding.sum_rate(h, found, block.noise).argmax()])


class ClassicalBest(Restarting):
    """The best, by the rate that it believes, of descent and of all three kinds of L-BFGS."""

    METHODS: ClassVar[Mapping[str, type[Restarting]]] = {
        "wmmse-bcd": WmmseBcd,
        "zf-lbfgs": ZfLbfgs,
        "mmse-lbfgs": MmseLbfgs,
        "rate-lbfgs": RateLbfgs,
    }

    def __init__(
        self, *, restarts: int = 8, robust: bool = False, time_limit: float | None = None
    ) -> None:
        self.methods = {name: method(restarts=restarts) for name, method in self.METHODS.items()}
        super().__init__(restarts=restarts, robust=robust, time_limit=time_limit)

    def refined(self, block: Block, starts: Real) -> Design:
        """Take the best method's answer."""
        designs = [
            replace(method.refined(block, starts), method=name)
            for name, method in self.methods.items()
        ]
        effort = sum(design.effort for design in designs)
        return replace(max(designs, key=lambda design: design.rate(block)), effort=effort)


class Random(policy.Random):
    """Draws precoder and phases at random, once a block."""

    environment: Mapping[str, object] = BlockSolver.environment
