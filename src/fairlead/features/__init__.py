"""A request in, numbers out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.features.demands import Demands
from fairlead.features.encoder import Encoder
from fairlead.features.general import General
from fairlead.features.kept import Kept
from fairlead.features.ngrams import Ngrams
from fairlead.features.prompt import PromptFeatures
from fairlead.features.static import Static
from fairlead.features.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.features.base import FeatureExtractor

__all__ = ["FEATURES", "Demands", "Encoder", "General", "Kept", "Ngrams", "PromptFeatures", "Static", "Surface"]

FEATURES: Mapping[str, type[FeatureExtractor]] = {
    features.__name__: features
    for features in (Surface, Ngrams, Static, Encoder, General, Demands, Kept, PromptFeatures)
}
"""Name -> features: what an artifact may name, and what the contract tests run."""
