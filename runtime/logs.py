"""Logs are events with fields: one JSON object a line. No message bodies, addresses or secrets, ever."""

import logging
import sys
import traceback
from pathlib import Path

import structlog

from runtime.errors import PayvandError
from runtime.settings import Settings

Logger = structlog.stdlib.BoundLogger
_FRAMES = 12


def configure(settings: Settings, service: str) -> None:
    """Send everything, the libraries' own logs included, to standard output in one form."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tell_where,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if settings.log_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("aiokafka", "faststream", "uvicorn.error", "httpx", "telegram", "aiosmtpd", "mail.log"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.contextvars.bind_contextvars(service=service)


def _tell_where(logger: object, method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Put where an error arose in place of the error: its text may quote what a customer wrote (drivers do)."""
    found = event.pop("exc_info", None)
    error = (
        found[1]
        if isinstance(found, tuple)
        else found
        if isinstance(found, BaseException)
        else sys.exc_info()[1]
        if found
        else None
    )
    if error is not None:
        event["exception"] = describe(error)
    return event


def describe(error: BaseException) -> str:
    """Types and places, innermost last; the words only of our own errors, which quote nothing."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    words = f" ({error.message})" if isinstance(error, PayvandError) else ""
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else (error.__cause__,) if error.__cause__ else ()
    return "; ".join([f"{type(error).__name__}{words} at {places}", *(describe(one) for one in inner)])


def get(name: str) -> Logger:
    """The logger of one module."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger
