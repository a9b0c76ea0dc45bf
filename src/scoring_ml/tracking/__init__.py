"""Experiment tracking: the only place that imports mlflow, and only when it is used."""

from scoring_ml.tracking.candidates import candidates_table
from scoring_ml.tracking.card import model_card
from scoring_ml.tracking.cohort import slices_table
from scoring_ml.tracking.dataset import DatasetFacts
from scoring_ml.tracking.runs import Logged
from scoring_ml.tracking.tracker import Tracker

__all__ = ["DatasetFacts", "Logged", "Tracker", "candidates_table", "model_card", "slices_table"]
