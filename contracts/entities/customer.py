"""A buyer: a person who signs in, on behalf of a company or not."""

from enum import StrEnum

from pydantic import Field

from contracts.entities.address import CustomerAddress
from contracts.values import Amount, Contract, Currency


class CustomerStatus(StrEnum):
    """Whether the buyer may sign in."""

    ACTIVE = "active"
    PENDING = "pending"  # not approved yet
    INACTIVE = "inactive"
    REJECTED = "rejected"


class CustomerRole(StrEnum):
    """What the buyer may do within the company."""

    MAIN = "main"
    LIMITED = "limited"  # a sub-account: `parent` says whose
    SALES_AGENT = "sales-agent"
    SALES_ADMIN = "sales-admin"


class CreditTerms(Contract):
    """Buying now and paying later."""

    currency: Currency
    limit: Amount | None = Field(default=None, description="The most that may be owed; none = no figure is known")
    balance: Amount | None = Field(default=None, description="What is owed now, where the publisher keeps the account")
    net_days: int | None = Field(default=None, ge=0, description="Days until an invoice has to be paid")


class Customer(Contract):
    """Everything about a customer, addresses included.

    A field that is none is not known to the publisher: the other side keeps what it has. But where the same source gave
    the field last, none says that it was cleared there, and it is cleared on the other side too; what another source
    gave stays. Where both sides are sources of customers, none never clears. `addresses` is the complete book, unless
    it is none.
    """

    key: str = Field(min_length=1, max_length=200, description="`<system>:<id>` of the system that created it")
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    email: str | None = Field(default=None, max_length=320, description="What it signs in with")
    title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    phone: str | None = None
    number: str | None = Field(default=None, description="The customer number of the books (accounting id)")
    group: str | None = Field(default=None, description="Key of its customer group, for instance `ct-4`")
    status: CustomerStatus = CustomerStatus.ACTIVE
    role: CustomerRole = CustomerRole.MAIN
    parent: str | None = Field(default=None, description="Key of the account that it belongs to")
    tax_exempt: bool | None = None
    tax_exemption_number: str | None = None
    vat_numbers: tuple[str, ...] | None = None
    currency: Currency | None = None
    price_lists: tuple[str, ...] | None = Field(default=None, description="`base`, `ct-<customer type>` or others")
    discount_percentage: Amount | None = Field(default=None, ge=0, le=100)
    credit: CreditTerms | None = Field(default=None, description="None: pays at once, or not known")
    pays_by_invoice: bool | None = None
    sales_agents: tuple[str, ...] | None = Field(default=None, description="Groups of sales agents who see it")
    addresses: tuple[CustomerAddress, ...] | None = None
    default_billing: str | None = Field(default=None, description="Id of an address")
    default_shipping: str | None = Field(default=None, description="Id of an address")
    attributes: dict[str, str] = Field(default_factory=dict, description="Custom fields by name")
