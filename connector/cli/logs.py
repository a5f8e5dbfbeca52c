"""Logs: events with fields, for a console or as JSON lines, on standard error."""

import logging
import sys

import structlog

from connector.settings import Settings

_NOISY = ("aiokafka", "faststream", "httpx", "httpcore", "sqlalchemy", "alembic", "uvicorn", "asyncio")


def _console() -> structlog.dev.ConsoleRenderer:
    """Plain tracebacks: a prettier one would show local variables, and with them tokens."""
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def set_up(settings: Settings) -> None:
    """Once per process."""
    level = logging.getLevelNamesMapping()[settings.log_level]
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s %(name)s %(message)s", force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    renderers: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if settings.log_format == "json"
        else [_console()]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def set_up_quietly() -> None:
    """For the demo: what goes wrong with the program itself, not what a platform refuses; the demo tells that."""
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, force=True)
    structlog.configure(
        processors=[structlog.processors.add_log_level, _console()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
