"""The server's errors, and the one table that says which HTTP status each exception is."""

import json
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import asyncpg
import psycopg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from pydantic import ValidationError
from stac_fastapi.types import errors as stac_errors
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from titiler.core.errors import DEFAULT_STATUS_CODES as TITILER_STATUS_CODES
from titiler.pgstac.errors import PGSTAC_STATUS_CODES as TITILER_PGSTAC_STATUS_CODES
from titiler.pgstac.errors import BackendError

from catalog.errors import CorruptObjectError, DatabaseError, ObjectNotFoundError, ObjectStoreError, WorldStratError
from server.headers import security_headers

logger = logging.getLogger(__name__)

MOST_FINDINGS = 5
"""Findings about one request that are told."""
RETRY_AFTER = "5"
"""Seconds after which a client may try again what failed by something behind the server (502, 503, 504)."""
_PASSING = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


class ServerError(WorldStratError):
    """Base of the server's own errors."""


class DatabaseUnavailableError(ServerError):
    """PostgreSQL does not answer, or no connection became free in time."""


class InvalidSearchError(ServerError):
    """A search asks for something that has no meaning."""


NO_CONDITION = "The filter is no condition: an operator in it lacks arguments, or compares with what is no number."
"""What is said where pgSTAC makes no statement of a filter that PostgreSQL can read."""


class NotAcceptableError(ServerError):
    """A client takes none of the formats that there are."""


STATUS_CODES: dict[type[Exception], int] = {
    # A reader of rasters that fails is our fault unless titiler says otherwise.
    **{error: status for error, status in TITILER_STATUS_CODES.items() if error is not Exception},
    **{error: status for error, status in TITILER_PGSTAC_STATUS_CODES.items()},  # noqa: C416
    # titiler-pgstac raises it for data exceptions only: a search holds what the database cannot read.
    BackendError: 400,
    stac_errors.NotFoundError: 404,
    stac_errors.InvalidQueryParameter: 400,
    InvalidSearchError: 400,
    NotAcceptableError: 406,
    json.JSONDecodeError: 400,
    ObjectNotFoundError: 404,
    CorruptObjectError: 502,
    ObjectStoreError: 503,
    DatabaseError: 503,
    DatabaseUnavailableError: 503,
    # pgSTAC raises (P0001) what is wrong with a search; data exceptions (22xxx) are literals it could not read.
    asyncpg.RaiseError: 400,
    asyncpg.DataError: 400,
    asyncpg.QueryCanceledError: 504,
    # Out of disk, memory or connections; stopping, starting; a disk that cannot be read.
    asyncpg.InsufficientResourcesError: 503,
    asyncpg.OperatorInterventionError: 503,
    asyncpg.PostgresSystemError: 503,
    asyncpg.PostgresConnectionError: 503,
    psycopg.errors.RaiseException: 400,
    psycopg.DataError: 400,
    psycopg.errors.QueryCanceled: 504,
    psycopg.OperationalError: 503,
    PoolTimeout: 503,
}
"""The status that answers each exception, subclasses included; what is not listed is a bug, and a 500."""

_NO_DATABASE = "The database does not answer. Try again in a moment."
PLAIN_WORDS: dict[type[Exception], str] = {
    json.JSONDecodeError: "A parameter that has to be JSON (query, intersects) is not.",
    asyncpg.QueryCanceledError: "The database took too long: narrow the search by collection, area or date.",
    psycopg.errors.QueryCanceled: "The database took too long: narrow the search by collection, area or date.",
    psycopg.OperationalError: _NO_DATABASE,
    asyncpg.InsufficientResourcesError: _NO_DATABASE,
    asyncpg.OperatorInterventionError: _NO_DATABASE,
    asyncpg.PostgresSystemError: _NO_DATABASE,
    asyncpg.PostgresConnectionError: _NO_DATABASE,
    PoolTimeout: _NO_DATABASE,
}
"""What is said instead of an exception's own words, which would tell a stranger about our insides."""


def error_response(status: int, code: str, description: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an error as the STAC API specification writes it: a code and a description."""
    headers = dict(headers or {})
    if status in _PASSING:
        headers.setdefault("Retry-After", RETRY_AFTER)
    return JSONResponse({"code": code, "description": description}, status, headers)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every exception with a status of the table and one clear JSON body, never a traceback."""
    for error in STATUS_CODES:
        app.add_exception_handler(error, _answer_known)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_bug)


def _answer_known(_: Request, error: Exception) -> Response:
    status = _lookup(STATUS_CODES, error) or HTTPStatus.INTERNAL_SERVER_ERROR
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s: %s", type(error).__name__, error, exc_info=status == HTTPStatus.INTERNAL_SERVER_ERROR)
    description = _lookup(PLAIN_WORDS, error) or str(error) or type(error).__name__
    return error_response(status, type(error).__name__, description)


def _answer_invalid(_: Request, error: Exception) -> Response:
    # The STAC API wants 400 where FastAPI would say 422.
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    # The first part of a place says query, path or body: the caller knows.
    return error_response(HTTPStatus.BAD_REQUEST, "InvalidParameter", in_words(problems, skip=1))


def _answer_http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        return Response(status_code=error.status_code, headers=error.headers)
    code = HTTPStatus(error.status_code).phrase.replace(" ", "")
    # stac-fastapi wraps what pydantic says of a URL, with addresses of pydantic's own documentation.
    cause = error.__cause__
    description = in_words(cause.errors()) if isinstance(cause, ValidationError) else str(error.detail)
    return error_response(error.status_code, code, description, dict(error.headers or {}))


def _answer_bug(_: Request, __: Exception) -> Response:
    # Starlette raises the exception again after this answer, so that the log has its traceback.
    # It is made outside of every middleware, so it marks itself.
    return error_response(
        500,
        "InternalServerError",
        "The server failed in a way nobody foresaw; its log says how.",
        security_headers("application/json", "http"),
    )


def _lookup(table: dict[type[Exception], Any], error: Exception) -> Any:
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def in_words(problems: Sequence[Any], skip: int = 0) -> str:
    """Return pydantic's findings in one line; a union of geometries has dozens of them, of which few help.

    Args:
        problems: the findings.
        skip: leading parts of each place that the reader knows anyway.
    """
    found = [(".".join(str(part) for part in problem["loc"][skip:]), problem["msg"]) for problem in problems]
    return "; ".join(f"{place}: {message}" if place else message for place, message in found[:MOST_FINDINGS])
