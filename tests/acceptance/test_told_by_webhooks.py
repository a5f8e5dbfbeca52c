"""A change in the store reaches SparkLayer because the store tells of it: nothing is polled meanwhile."""

from tests.acceptance.system import System, until

_UNPOLLED = ("poll.idle_share=0.0001", "poll.stock_sweep_seconds=86400", "poll.deletion_sweep_seconds=86400")


def test_a_store_tells_of_its_changes(system: System) -> None:
    system.extra = {
        "PAYLAYER_PUBLIC_URL": f"http://127.0.0.1:{system.http_port}",
        "PAYLAYER_POLL_INTERVAL_SECONDS": "3600",
    }
    system.sandboxes(products=12)
    system.connect(*_UNPOLLED)
    system.service()
    until("the store is synchronised", lambda: "sync_finished" in system.log("service"), seconds=120)
    shown = {row["external_id"]: row["title"] for row in system.layer("GET", "state")["products"]}
    product = next(iter(shown))
    system.edit("update", "products", int(product), item_name="Told at once")

    def told() -> bool:
        rows = system.layer("GET", "state")["products"]
        return next(row["title"] for row in rows if row["external_id"] == product) == "Told at once"

    until("the change has arrived", told, seconds=30)
    deliveries = system.pay("GET", "webhooks")
    assert (deliveries["delivered"], deliveries["lost"]) == (1, 0)
    assert [(entry["event"], entry["id"]) for entry in deliveries["log"]] == [("ProductUpdated", int(product))]

    system.end("service")
    system.edit("update", "products", int(product), item_name="Told to nobody")
    until("the delivery has failed", lambda: system.pay("GET", "webhooks")["lost"] == 1)
    assert "webhook_not_delivered" in system.log("sparkpay")
    assert "/webhooks/" not in system.log("sparkpay"), "the address holds a secret"
