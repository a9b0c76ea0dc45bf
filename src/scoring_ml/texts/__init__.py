"""Every sentence that people read, in YAML files, one folder a language."""

from scoring_ml.texts.catalogue import ENGLISH, Catalogue, languages, negotiate

__all__ = ["ENGLISH", "Catalogue", "languages", "negotiate"]
