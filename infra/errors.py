"""What can go wrong with the local stack; each message names the fact and the remedy."""

from catalog.errors import WorldStratError


class InfraError(WorldStratError):
    """Base of the errors of the local stack."""


class MissingProgramError(InfraError):
    """A program of the stack is not installed."""


class FolderError(InfraError):
    """The data folder cannot hold a stack: no space, no permission, another stack's."""


class PortTakenError(InfraError):
    """Something else listens on the wanted port."""


class StackBusyError(InfraError):
    """Another `worldstrat` command holds the data folder."""


class ServiceError(InfraError):
    """A service of the stack did not start, or stopped by itself."""


class BackupError(InfraError):
    """A backup could not be made, or what was found is none."""


class RestoreError(InfraError):
    """A catalog could not be brought back, or is not what it was."""


class UpgradeError(InfraError):
    """A catalog cannot be brought to this version."""
