"""I9, I10: what a cart costs, and how it becomes an order."""

import json
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request

from connector.app.ignite_checkout import Checkout, IgniteCheckout
from connector.app.ignite_customers import store_number
from connector.app.ignite_quote import IgniteQuotes
from connector.web.ignite.models import Calculated, CheckoutBody, Completed
from connector.web.ignite.site import PREFIX, REPLIES, Desk

router = APIRouter(tags=["checkout"])


@router.post(PREFIX + "/checkout/calculate", operation_id="calculateOrder", responses=REPLIES)
async def calculate(desk: Desk, request: Request, body: CheckoutBody) -> Calculated:
    """Ways of shipping, tax and totals; an unchanged cart costs no call."""
    checkout = checkout_of(body, await request.body())
    return Calculated.model_validate(await IgniteQuotes(desk).calculate(checkout))


@router.post(PREFIX + "/checkout/complete", operation_id="completeOrder", status_code=201, responses=REPLIES)
async def complete(desk: Desk, request: Request, body: CheckoutBody) -> Completed:
    """The store's order of the cart, made once however often this is asked."""
    made = await IgniteCheckout(desk).complete(checkout_of(body, await request.body()))
    return Completed(order_external_id=made, external_id=made)


def checkout_of(body: CheckoutBody, sent: bytes) -> Checkout:
    """The checkout with the numbers of the body as they were written: money never passes through a float."""
    raw: dict[str, Any] = json.loads(sent, parse_float=Decimal)
    return Checkout(
        cart_id=body.cart_id.lower(),
        currency=body.currency_code.upper(),
        customer_id=_id(body.customer.external_id),
        customer_email=(body.customer.email or "").strip() or None,
        billing=body.billing_address.entity() if body.billing_address else None,
        shipping=body.shipping_address.entity() if body.shipping_address else None,
        raw=raw,
    )


def _id(text: str | None) -> str | None:
    number = None if text is None else store_number(text.strip())
    return None if number is None else str(number)
