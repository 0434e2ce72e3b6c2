"""A decision transformer on the feeder's graph: its weights fit feeders of every size."""

from __future__ import annotations

from drlapps.decision_transformer.policy import DecisionTransformerPolicy
from drlapps.energy.restoration.network import FeederEncoder


class RestorationTransformer(DecisionTransformerPolicy):
    """Scores the operations of a feeder by what the latest ones have made of it."""

    ENCODER = FeederEncoder
