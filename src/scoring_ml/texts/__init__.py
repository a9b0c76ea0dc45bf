"""Every sentence that people read, in YAML files, one folder a language."""

from scoring_ml.texts.catalogue import ENGLISH, Catalogue, languages
from scoring_ml.texts.negotiation import negotiate

__all__ = ["ENGLISH", "Catalogue", "languages", "negotiate"]
