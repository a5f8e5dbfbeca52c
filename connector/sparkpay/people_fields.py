"""The fields that are read of customers and what belongs to them: all that the mapping uses, and no more."""

CUSTOMER = (
    "id",
    "email",
    "first_name",
    "last_name",
    "company",
    "phone_number",
    "customer_number",
    "customer_type_id",
    "is_inactive",
    "no_account",
    "is_contact_information_only",
    "is_no_tax_customer",
    "tax_exemption_number",
    "credit_limit",
    "payment_net_term",
    "store_payment_methods_enabled",
    "sales_person_user_id",
    "store_id",
    "updated_at",
)
ADDRESS = (
    "id",
    "customer_id",
    "first_name",
    "last_name",
    "company",
    "address_line_1",
    "address_line_2",
    "city",
    "state",
    "postal_code",
    "country",
    "phone",
    "alternate_phone",
    "is_default_billing_address",
    "is_default_shipping_address",
    "address_type",
    "updated_at",
)
BUYER = ("id", "email", "first_name", "last_name", "company", "customer_type_id")
"""What an order says about its customer."""

NESTED = ("addresses", "custom_fields")
"""The collections of a customer that make a bundle, for `expand`."""

FIELD_VALUE = ("id", "custom_field_id", "resource_id", "value", "updated_at")
"""Of a custom field's value, of whatever it belongs to."""
