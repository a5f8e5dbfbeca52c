"""Entry point: the commands, and the one place where an error becomes a sentence and an exit code."""

import sys
from collections.abc import Sequence

import click
import typer
from typer.main import get_command

from connector.cli import connections, contracts, demo, dlq, doctor, run, sandbox, status, sync, topics
from connector.cli.output import fail
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
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.add_typer(connections.app, name="connections")
app.command("sync")(sync.sync)
app.command("status")(status.status)
app.add_typer(dlq.app, name="dlq")
app.add_typer(topics.app, name="topics")
app.add_typer(contracts.app, name="contracts")
app.add_typer(sandbox.app, name="sandbox")
app.command("doctor")(doctor.doctor)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Exit code 0 = done, 1 = failed, 2 = wrong use."""
    try:
        code = get_command(app).main(args=None if arguments is None else list(arguments), standalone_mode=False)
    except UserFault as error:
        fail(str(error), WRONG_USE)
    except PayLayerError as error:
        fail(str(error), FAILED)
    except typer.Abort:
        fail("stopped", INTERRUPTED)
    except KeyboardInterrupt:
        fail("stopped", INTERRUPTED)
    except typer.Exit as error:
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe left (`| head`): nothing to say, and nowhere to say it
        sys.exit(0)
    except click.ClickException as error:
        error.show()
        sys.exit(WRONG_USE)
    sys.exit(code if isinstance(code, int) else 0)
