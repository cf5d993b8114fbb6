"""What can go wrong with a super-resolved item, beside what can with any other."""

from starlette import status

from server.raster.errors import InvalidRequestError, RasterError


class NotUpscalableError(InvalidRequestError):
    """The item lacks the four bands at 10 m."""


class UnknownModelError(InvalidRequestError):
    """The catalog holds no such model."""


class WorkerError(RasterError):
    """A worker failed, or did not answer in time."""


STATUS_CODES: dict[type[Exception], int] = {
    NotUpscalableError: status.HTTP_400_BAD_REQUEST,
    UnknownModelError: status.HTTP_400_BAD_REQUEST,
    WorkerError: status.HTTP_503_SERVICE_UNAVAILABLE,
}
"""The status that answers each exception."""
