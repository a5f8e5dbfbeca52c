"""Where a person who is logged into a store's admin console finds one of its rows."""

from typing import Literal
from urllib.parse import quote

# As tools of the store's own partners address them; the vendor's documents name none of these pages.
_ADMIN = {
    "product": "/store/admin/products/productedit/general.aspx?ID={}",
    "customer": "/store/admin/customers/CustomerEdit.aspx?ID={}",
    "order": "/store/admin/accounting/OrderEdit.aspx?OrderID={}",
}
# Shown as JSON to whoever is logged in (vendor docs: README).
_API = {
    "product": "/api/v1/products/{}",
    "customer": "/api/v1/customers/{}",
    "customer-group": "/api/v1/customer_types/{}",
    "order": "/api/v1/orders/{}",
    "stock-location": "/api/v1/warehouses/{}",
    "shipping-method": "/api/v1/custom_shipping_methods/{}",
}


def page_of(store_url: str, kind: str, id_: str, style: Literal["admin", "api"] = "admin") -> str | None:
    """The address of a row of the store by its id there; its API resource for kinds without a page, none for others."""
    template = (_ADMIN if style == "admin" else _API).get(kind) or _API.get(kind)
    return None if template is None else store_url.rstrip("/") + template.format(quote(id_, safe=""))
