"""Experiment tracking: the only place that imports mlflow, and only when it is used."""

from scoring_ml.tracking.candidates import blocks_table, candidates_table
from scoring_ml.tracking.cohort import slices_table
from scoring_ml.tracking.dataset import DatasetFacts
from scoring_ml.tracking.registry import CHALLENGER, CHAMPION, MODEL_NAME, Registry
from scoring_ml.tracking.runs import Logged, log_training, logged_candidates, logged_verdict
from scoring_ml.tracking.store import Store

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "MODEL_NAME",
    "DatasetFacts",
    "Logged",
    "Registry",
    "Store",
    "blocks_table",
    "candidates_table",
    "log_training",
    "logged_candidates",
    "logged_verdict",
    "slices_table",
]
