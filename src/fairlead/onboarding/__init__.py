"""A new candidate from few labels: which prompts to label, what they show, and what the next one is worth."""

from fairlead.onboarding.candidacy import Candidacy, Standing
from fairlead.onboarding.labels import Label, read_labels, written
from fairlead.onboarding.sitting import Onboarding

__all__ = ["Candidacy", "Label", "Onboarding", "Standing", "read_labels", "written"]
