"""Entry point: the commands, and the one place where an error becomes a sentence and an exit code."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

from connector.cli.logs import set_up_for_command
from connector.cli.output import ReaderLeft, fail
from connector.errors import PayLayerError, UserFault
from connector.version import VERSION

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130

# In the order of the help; a command's module is imported only when that command is wanted: together they take seconds.
COMMANDS = {
    "demo": "Play the whole main job with nothing installed.",
    "run": "Run the service until SIGTERM or Ctrl-C.",
    "sync": "Bring a connection up to date now.",
    "status": "What waits, was refused, was applied; pauses.",
    "doctor": "Say what is wrong and what to do.",
    "backup": "Copy the database while it is in use.",
    "rebuild": "Restore a lost database from the topics.",
}
GROUPS = {
    "connections": "Which Spark Pay store is joined to which SparkLayer site.",
    "mapping": "Field mapping of a connection, and previews of what it does.",
    "problems": "What is not where it should be, and why.",
    "conflicts": "Changes that both sides made of one entity, and which won.",
    "dlq": "Dead letters: what a side refused, and why.",
    "topics": "The topics with their partitions and policies.",
    "secrets": "The key that credentials are stored under.",
    "contracts": "JSON Schemas and the AsyncAPI document.",
    "sandbox": "Simulated platforms, for trying and for tests.",
}


def application(wanted: str | None = None) -> typer.Typer:
    """The command `wanted` alone, or all of them."""
    app = _empty()
    for name in (*COMMANDS, *GROUPS) if wanted is None else (wanted,):
        module = importlib.import_module(f"connector.cli.{name}")
        if name in COMMANDS:
            app.command(name, short_help=COMMANDS[name])(getattr(module, str(name)))
        else:
            app.add_typer(module.app, name=name, help=GROUPS[name])
    return app


def overview() -> typer.Typer:
    """Names and sentences of all commands, nothing behind them: for the help, and for a name that is none of ours."""
    app = _empty()
    for name, sentence in COMMANDS.items():
        app.command(name, short_help=sentence)(_nothing)
    for name, sentence in GROUPS.items():
        app.add_typer(typer.Typer(), name=name, help=sentence)
    return app


def _empty() -> typer.Typer:
    app = typer.Typer(
        name="paylayer",
        help="Join a Spark Pay Online Store with SparkLayer over Apache Kafka.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_before_any)
    return app


def _nothing() -> None:
    """Stands for a command whose module is not imported."""


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"paylayer {VERSION}")
        raise typer.Exit


def _before_any(
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Join a Spark Pay Online Store with SparkLayer over Apache Kafka."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command. Exit code 0 = done, 1 = failed, 2 = wrong use, 130 = interrupted."""
    set_up_for_command()
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        name = next((word for word in given if not word.startswith("-")), None)
        app = application(name) if name in {*COMMANDS, *GROUPS} else overview()
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
