"""The training layer: the time, memory and goodput of a training run on a cluster.

A `Plan` says how the run is laid out, a `TrainingMachine` what it runs on; `train_step` gives one
optimizer step, `Reliability` how much of the wall time advances the run.
"""

from stackwright.training.goodput import Reliability
from stackwright.training.release import TrainingRelease

TYPES: dict[str, type] = {"TrainingRelease": TrainingRelease, "Reliability": Reliability}
