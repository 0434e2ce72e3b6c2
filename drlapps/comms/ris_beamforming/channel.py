"""A problem instance: the channels of one downlink, and what a policy knows of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from drlapps.comms.ris_beamforming.setting import Setting
from drlapps.comms.ris_beamforming.surface import Complex, Real


@dataclass(frozen=True, eq=False)
class Channel:
    """The channels of a downlink over its coherence blocks.

    User k receives ``h_k G s + noise`` with ``h_k = direct_k + sum_n phi_n cascaded_kn``, a row of
    M entries: no conjugation anywhere.

    Attributes:
        name: what people call it.
        setting: sizes, powers, hardware.
        cascaded: base station - element - user, shape (T, K, N, M).
        direct: base station - user, shape (T, K, M); zero where the path is blocked.
        cascaded_estimate: what policies see of ``cascaded``.
        direct_estimate: what policies see of ``direct``.
        reference: best known sum rate.
    """

    name: str
    setting: Setting
    cascaded: Complex = field(repr=False)
    direct: Complex = field(repr=False)
    cascaded_estimate: Complex = field(repr=False)
    direct_estimate: Complex = field(repr=False)
    reference: float | None = None

    def __post_init__(self) -> None:
        for array in self._arrays:
            array.flags.writeable = False

    @property
    def _arrays(self) -> tuple[Complex, ...]:
        return self.cascaded, self.direct, self.cascaded_estimate, self.direct_estimate

    @cached_property
    def known(self) -> bool:
        """Whether what policies believe is the truth."""
        setting = self.setting
        estimated = (self.cascaded_estimate, self.direct_estimate)
        same = estimated[0] is self.cascaded and estimated[1] is self.direct
        return same and setting.surface == setting.believed_surface

    @cached_property
    def hash(self) -> str:
        """Digest of all but the name."""
        digest = hashlib.sha256(repr(self.setting).encode())
        for array in self._arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @cached_property
    def bound(self) -> float:
        """The cooperative upper bound of the sum rate, in bit/s/Hz."""
        from drlapps.comms.ris_beamforming.bounds import cooperative_bound

        return cooperative_bound(self)

    def share(self, block: int) -> float:
        """Return the share of a block that carries data: the rest is pilots."""
        setting = self.setting
        if not setting.coherence_symbols or block % setting.pilot_period:
            return 1.0
        return 1.0 - setting.pilots / setting.coherence_symbols

    @property
    def shares(self) -> Real:
        """The share of every block, shape (T,)."""
        return np.array([self.share(block) for block in range(self.setting.blocks)])
