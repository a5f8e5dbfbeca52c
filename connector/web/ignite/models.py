"""Bodies and answers of the Ignite contract. What SparkLayer adds is taken without a word; answers have no more."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.entities import Address, CustomerAddress

Text = Annotated[str, Field(max_length=512)]
Needed = Annotated[str, Field(min_length=1, max_length=512)]
Email = Annotated[str, Field(min_length=3, max_length=255, pattern=r"^[^@\x00-\x20\x7f]+@[^@\x00-\x20\x7f]+$")]
DataType = Literal["products", "customers", "purchases", "merchant", "customer_groups"]
Role = Literal["main", "limited-customer"]
_NOT_KEPT = "Taken and not kept: Spark Pay has no field for it, and who a price is for stands in the price lists here."


class _Given(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewConnection(_Given):
    """I1: SparkLayer's half of a connection."""

    store_id: Needed
    spark_api_client_id: Needed
    spark_api_client_secret: Needed


class Redirect(_Answer):
    """Where the merchant connects the store."""

    redirect_url: str


class Refusal(_Answer):
    """Why a request was refused; the message is fit for a buyer."""

    error_code: str
    message: str | None = None


class NewCustomer(_Given):
    """I3. A field that is left out stays in the store as it is."""

    email: Email = Field(description="By which the customer is found; the same one in other letters is the same")
    first_name: Needed
    last_name: Needed
    company_name: Text | None = None
    sales_agent_groups: list[Text] | None = Field(default=None, description=_NOT_KEPT)
    price_lists: list[Text] | None = Field(default=None, description=_NOT_KEPT)
    customer_discount_percentage: float | None = Field(default=None, description=_NOT_KEPT)
    group: Text | None = Field(
        default=None,
        description="`ct-<n>` is the store's customer type n; with another one the customer's type stays as it is",
    )
    role: Role | None = Field(
        default=None, description="Taken and not kept: in Spark Pay a sub-account is one by its main account"
    )


class NewSubAccount(_Given):
    """I4. The sub-account gets the customer type of its main account."""

    email: Email
    first_name: Needed
    last_name: Needed
    parent_customer_external_id: Needed
    role: Role | None = Field(default=None, description="Taken and not kept: Spark Pay knows no roles of sub-accounts")


class CustomerId(_Answer):
    """The store's id of a customer."""

    customer_external_id: str


class PostalAddress(_Given):
    """An address; nothing of it has to be there."""

    title: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    company: Text | None = None
    address_line1: Text | None = None
    address_line2: Text | None = None
    city: Text | None = None
    region_code: Text | None = None
    postal_code: Text | None = None
    country_code: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")] | None = None
    phone: Text | None = None

    def entity(self) -> Address:
        """As the rest of the program knows it."""
        return Address(**self._fields())

    def in_book(self) -> CustomerAddress:
        """As part of an address book."""
        return CustomerAddress(id="new", **self._fields())

    def _fields(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "company": self.company,
            "line1": self.address_line1,
            "line2": self.address_line2,
            "city": self.city,
            "region": self.region_code,
            "postal_code": self.postal_code,
            "country": self.country_code.upper() if self.country_code else None,
            "phone": self.phone,
        }


class BookAddress(PostalAddress):
    """I6, I7."""

    is_default_shipping: bool | None = None
    is_default_billing: bool | None = None


class AddressWithId(_Answer):
    """An address with the store's id of it."""

    customer_address_external_id: str
    title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    city: str | None = None
    region_code: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    phone: str | None = None


_HOME = {
    "first_name": "Ana",
    "last_name": "Ruiz",
    "address_line1": "12 Oak St",
    "city": "Austin",
    "region_code": "TX",
    "postal_code": "78701",
    "country_code": "US",
}
_CART: dict[str, Any] = {
    "cart_id": "3f0c8c0e-7d1b-4a51-9d51-0d7a3c5b7a10",
    "customer": {"email": "ana@roofers.example", "external_id": "1"},
    "currency_code": "usd",
    "billing_address": _HOME,
    "shipping_address": _HOME,
    "line_items": [{"sku": "ROPE-60", "quantity": 3, "price": 98.5}],
    "shipping_line": {"id": "custom-1", "title": "Truck", "price": {"net": "12.50", "gross": "12.50"}},
    "payment_method": "paymentByInvoice",
}


class CheckoutCustomer(_Given):
    """Whose cart it is. What is not listed (`accounting_id`, `payment_on_account` and others) is taken and not kept."""

    id: Text | None = Field(default=None, description="SparkLayer's id; taken and not kept")
    email: Text | None = Field(default=None, description="The order is made for it: without it none can be completed")
    external_id: Text | None = Field(default=None, description="The store's id of the customer")


class CheckoutBody(_Given):
    """I9, I10. What is not listed is taken; `customer_reference` and `note` of it reach the order."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CART]})

    cart_id: Annotated[str, Field(pattern=r"^[0-9a-fA-F-]{32,36}$")]
    customer: CheckoutCustomer
    currency_code: Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")]
    billing_address: PostalAddress | None = None
    shipping_address: PostalAddress | None = None
    line_items: list[dict[str, Any]] = Field(
        default_factory=list,
        max_length=2000,
        description="Each with `sku`, a whole `quantity`, and `price` (net, of one piece) or `line_total`",
    )
    shipping_line: dict[str, Any] | None = Field(
        default=None, description="`id`, `title` and `price` of the way of shipping that was chosen"
    )
    payment_method: Text | None = Field(
        default=None, description="`paymentByInvoice` if left out; `upfrontPayment` is refused"
    )
    ignite_state: dict[str, Any] | None = Field(default=None, description="As the last calculation returned it")


class NetGross(_Answer):
    """Money as text."""

    net: str
    gross: str


class QuotedMethod(_Answer):
    """One way of shipping."""

    id: str
    title: str
    price: NetGross


class Total(NetGross):
    """One of the sums."""

    tax_rate: str
    currency_code: str


class QuotedTotals(_Answer):
    """The sums of a cart."""

    total_sub: Total
    total_shipping: Total
    total: Total


class Calculated(_Answer):
    """I9: what a cart costs. The state is to be sent with the next request for this cart."""

    available_shipping_methods: list[QuotedMethod]
    totals: QuotedTotals
    ignite_state: dict[str, Any]


class Completed(_Answer):
    """The store's order, under both names by which it may be looked for."""

    order_external_id: str
    external_id: str


class Metafield(_Answer):
    """A field of customers that the store can hold."""

    key: str
    name: str
    enabled: bool


class EnableMetafield(_Given):
    """I13."""

    key: Needed
    name: Text | None = Field(default=None, description="Taken and not kept: each field has its name")


class Verification(_Given):
    """I14: what proves who a shopper is."""

    data: Annotated[str, Field(min_length=1, max_length=8192)]
