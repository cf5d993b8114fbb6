"""What can go wrong between a request and a picture, and the HTTP status of each."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from fastapi import FastAPI
from rio_tiler.errors import PointOutsideBounds, TileOutsideBounds
from starlette import status
from starlette.requests import Request
from starlette.responses import Response
from titiler.mosaic.errors import MOSAIC_STATUS_CODES

from server.errors import ServerError, error_response


class RasterError(ServerError):
    """Base of the errors of the raster endpoints."""


class InvalidRequestError(RasterError):
    """A parameter has no meaning, or asks for more than the server gives."""


class UnknownBandError(InvalidRequestError):
    """No band of the item has this name."""


class UnknownAssetError(InvalidRequestError):
    """The item has no such raster."""


class UnknownRenderError(InvalidRequestError):
    """The collection stores no render of this name."""


class InvalidExpressionError(InvalidRequestError):
    """A band expression is not one of those the server evaluates."""


class ItemNotFoundError(RasterError):
    """The catalog has no such item."""


class AoiNotFoundError(RasterError):
    """The collection has no item of such a place."""


class NoRevisitError(RasterError):
    """No date of a place is as asked."""


class BusyError(RasterError):
    """As many large answers are being made as the server makes at once."""


class CollectionNotFoundError(RasterError):
    """The catalog has no such collection."""


class NoCounterpartError(RasterError):
    """The place of an item has no other image to compare it with."""


class OutsideItemError(RasterError, TileOutsideBounds):
    """The area asked for does not touch the item; a mosaic passes over such items."""


class InvalidRecordError(RasterError):
    """An item of the catalog lacks what is needed to read it."""


class BrokenRasterError(RasterError):
    """An object of the store is no readable raster."""


class MissingObjectError(RasterError):
    """The catalog names an object that the store does not hold."""


class StoreUnavailableError(RasterError):
    """The object store does not answer."""


STATUS_CODES: dict[type[Exception], int] = {
    InvalidRequestError: status.HTTP_400_BAD_REQUEST,
    ItemNotFoundError: status.HTTP_404_NOT_FOUND,
    CollectionNotFoundError: status.HTTP_404_NOT_FOUND,
    NoCounterpartError: status.HTTP_404_NOT_FOUND,
    AoiNotFoundError: status.HTTP_404_NOT_FOUND,
    NoRevisitError: status.HTTP_404_NOT_FOUND,
    OutsideItemError: status.HTTP_404_NOT_FOUND,
    TileOutsideBounds: status.HTTP_404_NOT_FOUND,
    PointOutsideBounds: status.HTTP_404_NOT_FOUND,
    InvalidRecordError: status.HTTP_500_INTERNAL_SERVER_ERROR,
    BrokenRasterError: status.HTTP_500_INTERNAL_SERVER_ERROR,
    MissingObjectError: status.HTTP_502_BAD_GATEWAY,
    BusyError: status.HTTP_503_SERVICE_UNAVAILABLE,
    StoreUnavailableError: status.HTTP_503_SERVICE_UNAVAILABLE,
    **MOSAIC_STATUS_CODES,
}
"""The status that answers each exception, subclasses included."""


def add_error_handlers(app: FastAPI, table: Mapping[type[Exception], int] = MappingProxyType(STATUS_CODES)) -> None:
    """Answer the errors of a table, of the raster endpoints unless another is given."""
    for error, code in table.items():
        app.add_exception_handler(error, _answer(code))


def _answer(code: int) -> Callable[[Request, Exception], Response]:
    def answer(_: Request, error: Exception) -> Response:
        if code == status.HTTP_204_NO_CONTENT:
            return Response(status_code=code)
        return error_response(code, type(error).__name__.removesuffix("Error"), str(error))

    return answer
