"""I3 to I8: customers, sub-accounts and addresses."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from connector.app.ignite_customers import IgniteCustomers
from connector.web.ignite.models import AddressWithId, BookAddress, CustomerId, NewCustomer, NewSubAccount
from connector.web.ignite.site import PREFIX, REPLIES, Desk
from contracts.entities import Customer, CustomerRole

router = APIRouter(tags=["customers"])
CustomerOfPath = Annotated[str, Path(alias="customer_external_id", max_length=50, examples=["1"])]
AddressOfPath = Annotated[str, Path(alias="customer_address_external_id", max_length=50, examples=["1"])]
_BOOK = PREFIX + "/customers/{customer_external_id}/addresses"
_ADDRESS = _BOOK + "/{customer_address_external_id}"
_ROLES = {"main": CustomerRole.MAIN, "limited-customer": CustomerRole.LIMITED, None: CustomerRole.MAIN}


@router.put(PREFIX + "/customers", operation_id="createOrUpdateCustomer", status_code=201, responses=REPLIES)
async def put_customer(desk: Desk, body: NewCustomer) -> CustomerId:
    """The customer of this e-mail address is as said; 201 for a change as well."""
    customer = Customer(
        key=f"sparklayer:{body.email}"[:200],
        email=body.email.strip(),
        first_name=body.first_name,
        last_name=body.last_name,
        company=body.company_name,
        group=body.group,
        role=_ROLES[body.role],
    )
    return CustomerId(customer_external_id=await IgniteCustomers(desk).put(customer))


@router.post(PREFIX + "/sub-accounts", operation_id="createSubAccount", status_code=201, responses=REPLIES)
async def add_sub_account(desk: Desk, body: NewSubAccount) -> CustomerId:
    """A sub-account; 400 `email-already-taken` where the address is another account's."""
    customer = Customer(
        key=f"sparklayer:{body.email}"[:200],
        email=body.email.strip(),
        first_name=body.first_name,
        last_name=body.last_name,
        role=CustomerRole.LIMITED if body.role is None else _ROLES[body.role],
    )
    made = await IgniteCustomers(desk).add_sub_account(customer, body.parent_customer_external_id)
    return CustomerId(customer_external_id=made)


@router.delete(
    PREFIX + "/sub-accounts/{customer_external_id}",
    operation_id="deleteSubAccount",
    status_code=204,
    responses=REPLIES,
)
async def remove_sub_account(desk: Desk, customer: CustomerOfPath) -> Response:
    """The sub-account may not sign in any more; one that is gone is fine."""
    await IgniteCustomers(desk).remove_sub_account(customer)
    return Response(status_code=204)


@router.post(_BOOK, operation_id="createCustomerAddress", status_code=201, responses=REPLIES)
async def add_address(desk: Desk, customer: CustomerOfPath, body: BookAddress) -> AddressWithId:
    """An address of the book; the same content again gives the same one."""
    id_ = await IgniteCustomers(desk).add_address(customer, body.in_book(), _defaults(body))
    return _with_id(id_, body)


@router.put(_ADDRESS, operation_id="updateCustomerAddress", responses=REPLIES)
async def change_address(
    desk: Desk, customer: CustomerOfPath, address: AddressOfPath, body: BookAddress
) -> AddressWithId:
    """The address as said."""
    await IgniteCustomers(desk).change_address(customer, address, body.in_book(), _defaults(body))
    return _with_id(address, body)


@router.delete(_ADDRESS, operation_id="deleteCustomerAddress", status_code=204, responses=REPLIES)
async def remove_address(desk: Desk, customer: CustomerOfPath, address: AddressOfPath) -> Response:
    """The address is gone; one that was gone before is fine."""
    await IgniteCustomers(desk).remove_address(customer, address)
    return Response(status_code=204)


def _defaults(body: BookAddress) -> dict[str, bool]:
    return {"billing": bool(body.is_default_billing), "shipping": bool(body.is_default_shipping)}


def _with_id(id_: str, body: BookAddress) -> AddressWithId:
    """What was sent, with its id: the store keeps names of countries and regions, not their codes."""
    known = body.model_dump(include=set(AddressWithId.model_fields))
    return AddressWithId(**{**known, "customer_address_external_id": id_})
