"""What may go wrong with a model, its training and its data."""

from catalog.errors import WorldStratError


class SuperResolutionError(WorldStratError):
    """Base of this room's errors."""


class ModelError(SuperResolutionError):
    """A model's files are missing, changed, or not what a model of ours must be."""


class InferenceError(SuperResolutionError):
    """A runtime is not installed, or refused what it was given."""


class TrainingDataError(SuperResolutionError):
    """There is nothing to train or to be scored on, or it is not what it should be."""


class CheckpointError(SuperResolutionError):
    """A checkpoint belongs to another run, or cannot be read."""
