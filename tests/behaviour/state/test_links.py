"""Names of entities, on each database."""

from connector.state.database import Database
from connector.state.links import Link, Links

LONG = "x" * 9000


async def test_a_name_of_any_length_finds_its_key_and_no_other(db: Database) -> None:
    links = Links(db)
    await links.learn(
        [
            Link("acme", "customer", f"erp:{LONG}", "sparkpay:1"),
            Link("acme", "customer", f"erp:{LONG}y", "sparkpay:2"),
            Link("acme", "customer", "erp:7", "sparkpay:3"),
        ]
    )
    asked = [f"erp:{LONG}", f"erp:{LONG}y", "erp:7", f"pim:{LONG}"]
    assert await links.keys_of("acme", "customer", asked) == {
        f"erp:{LONG}": {"sparkpay:1"},
        f"erp:{LONG}y": {"sparkpay:2"},
        "erp:7": {"sparkpay:3"},
    }


async def test_an_old_address_is_forgotten_also_where_it_was_long(db: Database) -> None:
    links = Links(db)
    await links.learn([Link("acme", "customer", f"email:{LONG}@a.example", "sparkpay:1")], instead="email:")
    await links.learn([Link("acme", "customer", "email:new@a.example", "sparkpay:1")], instead="email:")
    asked = [f"email:{LONG}@a.example", "email:new@a.example"]
    assert await links.keys_of("acme", "customer", asked) == {"email:new@a.example": {"sparkpay:1"}}
