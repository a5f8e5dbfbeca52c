"""What PayLayer calls the payment of an order that it places in the store, and so understands when it comes back."""

from collections.abc import Mapping

from contracts.entities import PaymentMethod

OWN_NAMES: Mapping[PaymentMethod, str] = {
    PaymentMethod.UPFRONT: "Paid upfront",
    PaymentMethod.INVOICE: "Invoice",
    PaymentMethod.ON_ACCOUNT: "On account",
    PaymentMethod.OTHER: "Other",
}
