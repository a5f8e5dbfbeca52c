"""Which customer of a store has an e-mail address: several may, and then it is nobody's guess."""

from collections.abc import Sequence

from connector.settings import ConnectionSettings
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.mapping.fields import flag
from connector.sparkpay.query import Query, eq
from handlers.outcome import Rejected

_ENOUGH = 10


async def customers_of(
    client: SparkPayClient, email: str, settings: ConnectionSettings, *, expand: Sequence[str] = ()
) -> Sequence[Row]:
    """Those of the store that can sign in with it; guests only where nobody can. Raises a `PlatformError`."""
    query = Query().where("email", eq(email)).expanded(*expand).sorted_by("id").at_most(_ENOUGH)
    if settings.sparkpay.store_id is not None:
        query = query.where("store_id", eq(settings.sparkpay.store_id))
    page = await client.page("customers", query)
    rows = [row for row in page.rows if str(row.get("email") or "").strip().casefold() == email.casefold()]
    accounts = [row for row in rows if not (flag(row, "no_account") or flag(row, "is_contact_information_only"))]
    return accounts or rows


def the_one(rows: Sequence[Row], whose: str, email: str) -> Row | Rejected | None:
    """The only one, or none; of several none is picked."""
    if len(rows) > 1:
        ids = ", ".join(str(row["id"]) for row in rows)
        return Rejected("customer_ambiguous", f"{whose}: several customers of the store have {email} ({ids})")
    return rows[0] if rows else None
