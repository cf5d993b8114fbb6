"""Logs: one line for each event, as JSON or for a terminal; nothing a caller wrote begins a line or tells a secret."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import structlog
from structlog.typing import EventDict, Processor

from server.observe.settings import ObserveSettings

_requests = logging.getLogger("worldstrat.requests")
LONGEST: Final = 2000
"""Most characters of a message that are logged; a stack is logged whole."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SECRET = re.compile(
    r"(?i)((?:x-amz-(?:signature|credential|security-token)|signature|sig|token|access_token|api_?key|key|password|"
    r"secret)=)[^&\s'\"]+|(authorization['\"]?\s*[:=]\s*['\"]?(?:bearer\s+)?)[^\s'\",}]+|(//[^/\s:@]+:)[^/\s@]+(?=@)"
)
_OURS = ("catalog", "infra", "ingest", "server", "superres", "worldstrat")


def configure_logging(settings: ObserveSettings) -> None:
    """Send every logger of this process through one pipe to standard error; uvicorn's own too."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        make_harmless,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = structlog.processors.JSONRenderer(_dumps) if as_json else _console()
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    # A library says at INFO what it does at each tile; that is for DEBUG here.
    root.setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name != "uvicorn.access"
        logger.setLevel(min(level, logging.INFO))  # `worldstrat up` waits for its word that it listens
    requests = logging.StreamHandler()
    requests.setFormatter(_RequestFormatter(renderer))
    _requests.handlers, _requests.propagate = [requests], False


def log_request(level: int, told: Mapping[str, Any]) -> None:
    """Write the line of a request.

    Args:
        level: of `logging`.
        told: what is said of it, of which only the name of a client is anybody's word.
    """
    if _requests.isEnabledFor(level):
        _requests.handle(_requests.makeRecord(_requests.name, level, "", 0, told, (), None))


class _RequestFormatter(logging.Formatter):
    """Forms the line of a request: there are thousands a second, so that it takes a shorter way than the others."""

    def __init__(self, renderer: Processor) -> None:
        super().__init__()
        self._renderer = renderer

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told: Any = record.msg
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        event = {
            "event": "request",
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": when,
            **told,
        }
        if not event["client"].isprintable():
            event["client"] = plain(event["client"])
        return str(self._renderer(None, "", event))


def make_harmless(_: Any, __: str, event: EventDict) -> EventDict:
    """Take out of an event what could begin a line of its own, steer a terminal, or let someone in."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _plain_stack(value) if name == "exception" else plain(value)
    return event


def plain(text: str) -> str:
    """Return a text on one line, without secrets, at most `LONGEST` characters of it."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), without_secrets(text[:LONGEST]))


def without_secrets(text: str) -> str:
    """Return a text whose tokens, signatures and passwords are stars."""
    return _SECRET.sub(lambda found: f"{found[1] or found[2] or found[3]}***", text)


def _plain_stack(text: str) -> str:
    """Return a stack whose lines are all indented, so that none looks like an event."""
    lines = without_secrets(text).split("\n")
    return "\n".join(f"  | {_CONTROL.sub(' ', line)}" for line in lines)


def _console() -> Processor:
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _dumps(event: Mapping[str, Any] | MutableMapping[str, Any], **options: Any) -> str:
    return orjson.dumps(event, default=options.get("default", str)).decode()
