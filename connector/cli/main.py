"""Entry point: the commands, and the one place where an error becomes a sentence and an exit code."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer
from typer.main import get_command

from connector.cli.logs import set_up_for_command
from connector.cli.output import ReaderLeft, fail
from connector.errors import PayLayerError, UserFault

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130

# In the order of the help; a command's module is imported only when that command, or the help of all, is wanted:
# together they take seconds.
COMMANDS = {
    "demo": "Play the whole main job with nothing installed.",
    "run": "Run the service until SIGTERM or Ctrl-C.",
    "sync": "Bring a connection up to date now.",
    "status": "What waits, was refused, was applied; pauses.",
    "doctor": "Say what is wrong and what to do.",
    "backup": "Copy the database while it is in use.",
    "rebuild": "Restore a lost database from the topics.",
}
GROUPS = ("connections", "mapping", "problems", "conflicts", "dlq", "topics", "secrets", "contracts", "sandbox")


def application(wanted: str | None = None) -> typer.Typer:
    """The command `wanted` alone, or all of them where it is none of ours."""
    app = typer.Typer(
        name="paylayer",
        help="Join a Spark Pay Online Store with SparkLayer over Apache Kafka.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_nothing)
    known = (*COMMANDS, *GROUPS)
    for name in (wanted,) if wanted in known else known:
        module = importlib.import_module(f"connector.cli.{name}")
        if name in COMMANDS:
            app.command(name, short_help=COMMANDS[name])(getattr(module, str(name)))
        else:
            app.add_typer(module.app, name=name)
    return app


def _nothing() -> None:
    """Join a Spark Pay Online Store with SparkLayer over Apache Kafka."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command. Exit code 0 = done, 1 = failed, 2 = wrong use, 130 = interrupted."""
    set_up_for_command()
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        app = application(given[0] if given else None)
        get_command(app).main(args=given, prog_name="paylayer")
    except UserFault as error:
        fail(str(error), WRONG_USE)
    except PayLayerError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        fail("stopped", INTERRUPTED)
    except ReaderLeft:
        _forget_output()
        sys.exit(0)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            fail("stopped", INTERRUPTED)
        raise
    sys.exit(0)


def _forget_output() -> None:
    """What is still buffered goes nowhere; else Python would complain of the broken pipe at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
