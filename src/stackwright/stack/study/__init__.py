"""The study: a demand, a menu of options per layer, and constraints, read from one YAML file.

`load` turns the file into frozen `Study` objects, one per case: quantities are SI floats, names are
record ids, omitted parts have their defaults. Nothing is guessed: every fault of the file is
reported together, with its line, what came, what was expected and the nearest good value.
"""

from stackwright.stack.study.context import Section
from stackwright.stack.study.fields import SAME
from stackwright.stack.study.reading import MOST_DESIGNS, load, load_given, load_text, study_text
from stackwright.stack.study.sections import (
    FlexibleLoad,
    Lengths,
    OwnPlant,
    Portfolio,
    ServingDemand,
    ServingMenu,
    Study,
    TrainingDemand,
)

__all__ = [
    "MOST_DESIGNS",
    "SAME",
    "FlexibleLoad",
    "Lengths",
    "OwnPlant",
    "Portfolio",
    "Section",
    "ServingDemand",
    "ServingMenu",
    "Study",
    "TrainingDemand",
    "load",
    "load_given",
    "load_text",
    "study_text",
]
