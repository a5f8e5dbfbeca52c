"""Logs: events with fields, for a console or as JSON lines, on standard error; those of libraries look the same."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from pydantic import SecretStr

from connector.settings import Settings

_LIBRARIES = ("aiokafka", "faststream", "httpx", "httpcore", "sqlalchemy", "alembic", "uvicorn", "asyncio")
_PASSWORD_IN_ADDRESS = re.compile(r"(?<=://)([^\s:/@]*):[^\s@]+@")
_NOT_YET = ("GroupCoordinatorNotAvailableError", "GroupLoadInProgressError")
_SHORTEST_HIDDEN = 4  # a shorter secret would black out half of every line
_HIDDEN = "***"


def set_up(settings: Settings) -> None:
    """For a service: our own events from the level of the settings on, libraries from WARNING on."""
    level = logging.getLevelNamesMapping()[settings.log_level]
    _configure(level, max(level, logging.WARNING), json=settings.log_format == "json", hide=_secrets(settings))


def set_up_for_command() -> None:
    """For one command: what fails is told as a sentence, so libraries need not tell it as well."""
    _configure(logging.WARNING, logging.CRITICAL)


def set_up_quietly() -> None:
    """For the demo: what goes wrong with the program itself, not what a platform refuses; the demo tells that."""
    _configure(logging.ERROR, logging.ERROR)


def _configure(own: int, libraries: int, *, json: bool = False, hide: tuple[str, ...] = ()) -> None:
    begin: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Plain tracebacks: a prettier one would show local variables, and with them tokens.
    end: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        _Redactor(hide),
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        ),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *begin],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *end],
        )
    )
    handler.addFilter(_matters)
    logging.basicConfig(handlers=[handler], level=libraries, force=True)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(libraries)
    structlog.configure(
        processors=[*begin, *end],
        wrapper_class=structlog.make_filtering_bound_logger(own),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _matters(record: logging.LogRecord) -> bool:
    """Whether a library's line is more than a broker that is still making up its mind.

    aiokafka asks for the group's coordinator ten times a second and calls every "not yet" an error, although it asks
    again: a new broker first has to make the topic of the offsets. One that never gets there shows in /health/ready.
    """
    return not (record.name.startswith("aiokafka.") and any(name in record.getMessage() for name in _NOT_YET))


class _Redactor:
    """Writes stars over every secret of the settings and every password in an address."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = secrets

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in event.items():
            if isinstance(value, str):
                event[name] = self._clean(value)
        return event

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return _PASSWORD_IN_ADDRESS.sub(rf"\1:{_HIDDEN}@", text)


def _secrets(settings: Settings) -> tuple[str, ...]:
    found = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    return tuple(sorted((text for text in found if len(text) >= _SHORTEST_HIDDEN), key=len, reverse=True))
