"""Bodies and answers of the Ignite contract. What SparkLayer adds is taken without a word."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.entities import Address, CustomerAddress

Text = Annotated[str, Field(max_length=512)]
Needed = Annotated[str, Field(min_length=1, max_length=512)]
Email = Annotated[str, Field(min_length=3, max_length=255, pattern=r"^[^@\s]+@[^@\s]+$")]
DataType = Literal["products", "customers", "purchases", "merchant", "customer_groups"]
Role = Literal["main", "limited-customer"]


class _Given(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class NewConnection(_Given):
    """I1: SparkLayer's half of a connection."""

    store_id: Needed
    spark_api_client_id: Needed
    spark_api_client_secret: Needed


class Redirect(BaseModel):
    """Where the merchant connects the store."""

    redirect_url: str


class Refusal(BaseModel):
    """Why a request was refused; the message is fit for a buyer."""

    error_code: str
    message: str | None = None


class NewCustomer(_Given):
    """I3."""

    email: Email
    first_name: Needed
    last_name: Needed
    company_name: Text | None = None
    sales_agent_groups: list[Text] | None = None
    price_lists: list[Text] | None = None
    customer_discount_percentage: float | None = None
    group: Text | None = None
    role: Role | None = None


class NewSubAccount(_Given):
    """I4."""

    email: Email
    first_name: Needed
    last_name: Needed
    parent_customer_external_id: Needed
    role: Role | None = None


class CustomerId(BaseModel):
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


class AddressWithId(BaseModel):
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


class CheckoutCustomer(_Given):
    """Whose cart it is."""

    id: Text | None = None
    email: Text | None = None
    external_id: Text | None = None


class CheckoutBody(_Given):
    """I9, I10. `line_items`, `shipping_line` and what is not listed are read by the paths that are known of them."""

    cart_id: Annotated[str, Field(pattern=r"^[0-9a-fA-F-]{32,36}$")]
    customer: CheckoutCustomer
    currency_code: Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")]
    billing_address: PostalAddress | None = None
    shipping_address: PostalAddress | None = None
    line_items: list[dict[str, Any]] = Field(default_factory=list, max_length=2000)
    shipping_line: dict[str, Any] | None = None
    payment_method: Text | None = None
    ignite_state: dict[str, Any] | None = None


class NetGross(BaseModel):
    """Money as text."""

    net: str
    gross: str


class QuotedMethod(BaseModel):
    """One way of shipping."""

    id: str
    title: str
    price: NetGross


class Total(NetGross):
    """One of the sums."""

    tax_rate: str
    currency_code: str


class QuotedTotals(BaseModel):
    """The sums of a cart."""

    total_sub: Total
    total_shipping: Total
    total: Total


class Calculated(BaseModel):
    """I9: what a cart costs. The state is to be sent with the next request for this cart."""

    available_shipping_methods: list[QuotedMethod]
    totals: QuotedTotals
    ignite_state: dict[str, Any]


class Completed(BaseModel):
    """The store's order, under both names by which it may be looked for."""

    order_external_id: str
    external_id: str


class Metafield(BaseModel):
    """A field of customers that the store can hold."""

    key: str
    name: str
    enabled: bool


class EnableMetafield(_Given):
    """I13."""

    key: Needed
    name: Text | None = None


class Verification(_Given):
    """I14: what proves who a shopper is."""

    data: Annotated[str, Field(min_length=1, max_length=8192)]
