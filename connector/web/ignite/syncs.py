"""I11 to I14: syncs on demand, metafields, and who a shopper is."""

from collections.abc import Mapping

from fastapi import APIRouter, Response

from connector.app.ignite_refusal import IgniteRefused
from connector.app.shopper_token import customer_of
from connector.web.ignite.models import CustomerId, DataType, EnableMetafield, Metafield, Verification
from connector.web.ignite.site import PREFIX, REPLIES, Joined, Serving

router = APIRouter(tags=["syncs"])
ENTITIES: Mapping[DataType, tuple[str, ...]] = {
    "products": ("product", "price", "stock"),
    "customers": ("customer",),
    "purchases": ("order",),
    "merchant": ("setting",),
    "customer_groups": ("customer-group",),
}
METAFIELDS: Mapping[str, str] = {
    "customer.accounting_id": "Accounting id",
    "customer.available_shipping_addresses_ids": "Shipping addresses that may be used",
    "customer.billing_address_id": "Billing address",
    "customer.shipping_address_id": "Shipping address",
    "customer.company_name": "Company name",
    "customer.discount_percentage": "Discount in per cent",
    "customer.payment_on_account": "Payment on account",
}


@router.post(
    PREFIX + "/status/{syncDataType}",
    operation_id="triggerDataSync",
    status_code=201,
    response_class=Response,
    responses={**REPLIES, 201: {"description": "Started"}},
)
async def trigger(service: Serving, connection: Joined, syncDataType: DataType) -> Response:  # noqa: N803 - the contract's word
    """A full sync of that kind is asked for; 400 while one is under way."""
    run = await service.core.run_requests.once(
        connection.id, entities=ENTITIES[syncDataType], full=True, requested_by="ignite"
    )
    if run is None:
        raise IgniteRefused("sync-already-running", "a synchronisation of these is under way already")
    return Response(status_code=201)


@router.get(PREFIX + "/metafield-configuration", operation_id="getMetafieldConfiguration", responses=REPLIES)
async def metafields(connection: Joined) -> list[Metafield]:
    """What can be kept of customers beyond their own fields, and what is switched on."""
    on = connection.settings.customers.metafields
    return [Metafield(key=key, name=name, enabled=key in on) for key, name in METAFIELDS.items()]


@router.post(
    PREFIX + "/metafield-configuration/enable",
    operation_id="enableMetafield",
    status_code=204,
    responses=REPLIES,
)
async def enable_metafield(service: Serving, connection: Joined, body: EnableMetafield) -> Response:
    """Switch one on; once more does nothing."""
    if body.key not in METAFIELDS:
        raise IgniteRefused("metafield-unknown", "there is no such field")
    customers = connection.settings.customers
    if body.key not in customers.metafields:
        changed = customers.model_copy(update={"metafields": (*customers.metafields, body.key)})
        settings = connection.settings.model_copy(update={"customers": changed})
        await service.core.connections.update(connection.id, settings=settings)
    return Response(status_code=204)


@router.post(PREFIX + "/authentication/verify", operation_id="authenticationVerify", responses=REPLIES)
async def verify(service: Serving, connection: Joined, body: Verification) -> CustomerId:  # noqa: ARG001 - must be joined
    """The store's customer that the storefront has signed; 401 for anything else."""
    secret = service.core.settings.ignite_verify_secret
    customer = customer_of(body.data, secret.get_secret_value(), service.core.clock.now()) if secret else None
    if customer is None:
        raise IgniteRefused("auth-failure", "please sign in again", status=401)
    return CustomerId(customer_external_id=customer)
