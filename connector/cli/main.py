"""Entry point: the commands, and the one place where an error becomes a sentence and an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer
from typer.main import get_command

from connector.cli import connections, contracts, demo, dlq, doctor, run, sandbox, status, sync, topics
from connector.cli.logs import set_up_for_command
from connector.cli.output import ReaderLeft, fail
from connector.errors import PayLayerError, UserFault

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130

app = typer.Typer(
    name="paylayer",
    help="Join a Spark Pay Online Store with SparkLayer over Apache Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo", short_help="Play the whole main job with nothing installed.")(demo.demo)
app.command("run", short_help="Run the service until SIGTERM or Ctrl-C.")(run.run)
app.command("sync", short_help="Bring a connection up to date now.")(sync.sync)
app.command("status", short_help="What waits, was refused, was applied; pauses.")(status.status)
app.command("doctor", short_help="Say what is wrong and what to do.")(doctor.doctor)
app.add_typer(connections.app, name="connections")
app.add_typer(dlq.app, name="dlq")
app.add_typer(topics.app, name="topics")
app.add_typer(contracts.app, name="contracts")
app.add_typer(sandbox.app, name="sandbox")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command. Exit code 0 = done, 1 = failed, 2 = wrong use, 130 = interrupted."""
    set_up_for_command()
    try:
        get_command(app).main(args=None if arguments is None else list(arguments), prog_name="paylayer")
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
