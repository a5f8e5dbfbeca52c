"""`paylayer sandbox`: one simulated platform as a server."""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer
from starlette.applications import Starlette

from connector.app.http_server import listen, serving
from connector.cli.output import console, run_async
from connector.errors import UserFault
from connector.sandbox import sparklayer as layer
from connector.sandbox import sparkpay as pay

app = typer.Typer(no_args_is_help=True)

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0 = a free one.")]
Latency = Annotated[int, typer.Option("--latency-ms", min=0, help="How long each answer takes.")]


@app.command()
def sparkpay(
    port: Port = 9101,
    token: Annotated[str, typer.Option("--token", help="The token that it accepts.")] = "sandbox-token",  # noqa: S107 - a sandbox's
    limit: Annotated[int, typer.Option("--limit", min=1, help="Calls per window.")] = 50,
    window_seconds: Annotated[
        float, typer.Option("--window-seconds", min=0.1, help="Length of the rate window.")
    ] = 10.0,
    products: Annotated[int, typer.Option("--products", min=0, help="Products of the made-up catalogue.")] = 500,
    customers: Annotated[int, typer.Option("--customers", min=0, help="Made-up customers.")] = 0,
    orders: Annotated[int, typer.Option("--orders", min=0, help="Made-up orders of these customers.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same store.")] = 1,
    latency_ms: Latency = 0,
) -> None:
    """A Spark Pay store with made-up content. Edits, faults and the log: /_sandbox/...

    What changes in it is told to whoever subscribed to its webhooks.
    """
    store = pay.SparkPayStore(clock=lambda: datetime.now(UTC), seed=seed)
    if products:
        pay.fill_catalogue(store, pay.CatalogueShape(products=products, skus_at_least=0), seed)
    if orders and not (products and customers):
        raise UserFault("--orders needs --customers to place them and --products to sell")
    if customers:
        pay.fill_trade(store, customers=customers, orders=orders, seed=seed)
    policy = pay.SandboxPolicy(token=token, limit=limit, window_seconds=window_seconds, latency_ms=latency_ms)
    facts = f"token {token}, {limit} calls per {window_seconds:g} s"
    post = pay.WebhookPost()
    _serve("Spark Pay store", pay.create_app(store, policy, dates=True, send=post), port, facts, post.close)


@app.command()
def sparklayer(
    port: Port = 9102,
    site_id: Annotated[str, typer.Option("--site-id", help="The site it serves.")] = "sandbox",
    client_id: Annotated[str, typer.Option("--client-id", help="The client id it accepts.")] = "sandbox-client",
    client_secret: Annotated[str, typer.Option("--client-secret", help="Its secret.")] = "sandbox-secret",  # noqa: S107
    latency_ms: Latency = 0,
) -> None:
    """An empty SparkLayer site. State, faults and the log: /_sandbox/..."""
    site = layer.SparkLayerSite(clock=lambda: datetime.now(UTC))
    policy = layer.SitePolicy(site_id=site_id, client_id=client_id, client_secret=client_secret, latency_ms=latency_ms)
    _serve("SparkLayer site", layer.create_app(site, policy, dates=True), port, f"site {site_id}, client {client_id}")


def _serve(
    what: str, application: Starlette, port: int, facts: str, close: Callable[[], Awaitable[None]] | None = None
) -> None:
    """`close` is called at the end."""

    async def work() -> None:
        listener = listen("127.0.0.1", port)
        async with contextlib.AsyncExitStack() as stack:
            if close is not None:
                stack.push_async_callback(close)
            task = await stack.enter_async_context(serving(application, listener, dates=False))
            at = f"http://127.0.0.1:{listener.getsockname()[1]}"
            console().print(f"{what} at {at} ({facts}); Ctrl-C ends it", soft_wrap=True)
            await task

    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how a person ends it
        run_async(work())
