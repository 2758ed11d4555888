"""JSON lines on stderr."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from opentelemetry import trace

from fp_telemetry import traces
from fp_telemetry.context import correlation_id

_FIELDS = "fp_fields"
_MASK: Final = "***"
_SECRETS: Final = frozenset(
    ("password", "secret", "token", "authorization", "api_key", "raw_key", "access_token", "refresh_token", "cookie")
)
_LONGEST_TEXT: Final = 8_192
# Each writes a line for every request that it sends, with its URL.
_TALKATIVE: Final = ("httpx", "httpx2")
_JSON: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


class Log:
    """A named source of log lines.

    `message` is constant text, so that a search finds every occurrence; what differs goes into `fields`.
    """

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, message: str, **fields: Any) -> None:
        self._write(logging.DEBUG, message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._write(logging.INFO, message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._write(logging.WARNING, message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._write(logging.ERROR, message, fields)

    def exception(self, message: str, failure: BaseException | None = None, /, **fields: Any) -> None:
        """An error with its exception, by default the one that is being handled, and with its causes."""
        self._write(logging.ERROR, message, fields, failure or sys.exception())

    def _write(self, level: int, message: str, fields: dict[str, Any], failure: BaseException | None = None) -> None:
        if self._logger.isEnabledFor(level):
            # The text is an argument and not the format, so that a percent sign in it means itself.
            self._logger.log(level, "%s", message, exc_info=failure, extra={_FIELDS: fields}, stacklevel=3)


def get_logger(name: str) -> Log:
    return Log(logging.getLogger(name))


class JsonFormatter(logging.Formatter):
    """One record, one line; never raises because of what is logged."""

    def __init__(self, service: str, environment: str) -> None:
        super().__init__()
        self._service = service
        self._environment = environment

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": _message(record)[:_LONGEST_TEXT],
            "service": self._service,
            "environment": self._environment,
            "logger": record.name,
        }
        line.update(_of_the_call())
        for name, value in getattr(record, _FIELDS, {}).items():
            line[name if name not in line else f"field_{name}"] = _MASK if name in _SECRETS else value
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=str, option=_JSON).decode()
        except TypeError:
            # Half a surrogate pair, an integer of more than 64 bits, a value that refuses to be text.
            return orjson.dumps({name: _ascii(value) for name, value in line.items()}).decode()


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Of another library, whose arguments do not fit its format.
        return str(record.msg)


def _ascii(value: object) -> str:
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # noqa: BLE001 -- the line matters more than this fact
        text = f"<{type(value).__name__}>"
    return text.encode("ascii", "backslashreplace").decode()


def _of_the_call() -> dict[str, str]:
    found: dict[str, str] = {}
    if correlation := correlation_id.get():
        found["correlation_id"] = correlation
    span = traces.current()
    if span is not None:
        found["trace_id"] = trace.format_trace_id(span.trace_id)
        found["span_id"] = trace.format_span_id(span.span_id)
    return found


class _Lines(logging.StreamHandler[Any]):
    """Writes to whatever stderr is now: a process that redirects it later keeps its logs."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, value: Any) -> None:
        """Ignored: the stream is always the present stderr."""


def install(service: str, level: str, environment: str) -> logging.Handler:
    """Make JSON lines the only form of logging in this process.

    Raises ValueError for an unknown level.
    """
    handler = _Lines()
    handler.setFormatter(JsonFormatter(service, environment))
    root = logging.getLogger()
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for known in [known for known in root.handlers if isinstance(known, _Lines)]:
        root.removeHandler(known)
    root.addHandler(handler)
    return handler


def uninstall(handler: logging.Handler) -> None:
    logging.getLogger().removeHandler(handler)
