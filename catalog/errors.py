"""The errors that a person may meet; everything else is a bug."""


class WorldStratError(Exception):
    """Base of all expected errors: its message states the fact, the value and the remedy."""


class SettingsError(WorldStratError):
    """The database or the object store is not named anywhere."""


class MetadataError(WorldStratError):
    """A published table is missing or cannot be read."""


class ObjectStoreError(WorldStratError):
    """The object store did not do what was asked of it."""


class ObjectNotFoundError(ObjectStoreError):
    """The object store holds no object of this key."""


class CorruptObjectError(ObjectStoreError):
    """The object store holds other bytes than were put there."""


class DatabaseError(WorldStratError):
    """PostgreSQL cannot be reached or refused a statement."""


class ReceiptError(WorldStratError):
    """What the database holds after a load is not what was loaded."""


class InvalidItemError(WorldStratError):
    """An item breaks the schema it claims to follow."""


class SnapshotError(WorldStratError):
    """Items could not be written as a table."""


class TranscriptError(WorldStratError):
    """A transcript of a collection is not whole, or of a later version."""


class SchemaVersionError(WorldStratError):
    """Tables, or items, were written by a later version of this software."""
