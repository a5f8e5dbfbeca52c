"""The resources that the sandbox serves: one declaration each, and everything generic follows from it.

To add one: name it in fields.json (the test of the table shows how it is made) and declare it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from connector.sandbox.sparkpay import fields
from connector.sandbox.sparkpay.nested import (
    Finder,
    category_links,
    children,
    combination,
    field_values,
    kept_rows,
    nothing,
    owned,
    shipped_items,
)


@dataclass(frozen=True)
class Resource:
    """What the platform knows about one resource.

    `list_key`: array name in list answers, where it is not the resource's name (seen on live stores, not in the
    OpenAPI file). `empty`: values of fields that were never set, where they are not "", 0 or false. `nullable`: fields
    that take null although they are not null when empty. `also_readable` / `also_writable`: fields that live answers
    or the vendor's pages have and the OpenAPI file lacks. `retyped`: fields whose type the file has wrong for bodies.
    `references`: fields that hold the id of a row elsewhere; a row goes when a row named in `cascade` goes.
    `links`: collections kept inside the row, `arrays` those that every answer shows. `id_name`: what the id is called
    where it is not `id`. `digits`: texts that answers show as numbers where they are digits (leading zeros are lost).
    `unfilterable`: fields that fail in filters (vendor docs: known issues).
    `internal`: kept like a resource, not in the OpenAPI file and not served by the generic routes. `unlisted`: served,
    though the file lacks it: `also_readable` is its whole model, `required` what a POST must hold.
    """

    name: str
    table: str
    list_key: str = ""
    read_scopes: frozenset[str] = frozenset({"read_catalog", "catalog"})
    write_scopes: frozenset[str] = frozenset({"catalog"})
    empty: Mapping[str, object] = field(default_factory=dict)
    nullable: frozenset[str] = frozenset()
    also_readable: Mapping[str, str] = field(default_factory=dict)
    also_writable: Mapping[str, str] = field(default_factory=dict)
    retyped: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    cascade: frozenset[str] = frozenset()
    nested: Mapping[str, Finder] = field(default_factory=dict)
    links: frozenset[str] = frozenset()
    arrays: frozenset[str] = frozenset()
    id_name: str = "id"
    digits: frozenset[str] = frozenset()
    unfilterable: frozenset[str] = frozenset()
    internal: bool = False
    unlisted: bool = False
    required: frozenset[str] = frozenset()

    @cached_property
    def types(self) -> fields.Types:
        """Type of every field of the read model."""
        read = {} if self.internal or self.unlisted else fields.load(self.name).read
        return {**read, **self.also_readable, **self.retyped, **dict.fromkeys(self.arrays, "array")}

    @cached_property
    def defaults(self) -> dict[str, object]:
        """Every field with its empty value, in the order of the wire: id first."""
        kinds = {self.id_name: "integer", **self.types}
        return {name: self.empty.get(name, fields.empty_value(kind)) for name, kind in kinds.items()}

    @cached_property
    def create(self) -> fields.BodyTypes | None:
        """What a POST may and must hold; None when the resource cannot be created."""
        if self.unlisted:
            return fields.BodyTypes(self.types, self.required)
        return None if self.internal else self._body(fields.load(self.name).create)

    @cached_property
    def update(self) -> fields.BodyTypes | None:
        """What a PUT may hold; None when the resource cannot be written."""
        if self.internal or self.unlisted:
            return fields.BodyTypes(self.types)
        return self._body(fields.load(self.name).update)

    def _body(self, body: fields.BodyTypes | None) -> fields.BodyTypes | None:
        if body is None:
            return None
        return fields.BodyTypes({**body.types, **self.retyped, **self.also_writable}, body.required)

    def takes_null(self, name: str) -> bool:
        """Whether a body may set the field to null: only where nulls are seen (vendor docs say nothing)."""
        return name in self.nullable or (name in self.defaults and self.defaults[name] is None)

    @property
    def array_key(self) -> str:
        """The name of the array in list answers."""
        return self.list_key or self.name

    @property
    def timed(self) -> bool:
        """Whether rows carry created_at and updated_at."""
        return "updated_at" in self.types


def _nulls(names: str) -> dict[str, object]:
    return dict.fromkeys(names.split())


def _decimals(names: str) -> dict[str, str]:
    """Fields that the file calls integers in places; money has four decimals everywhere."""
    return dict.fromkeys(names.split(), "number")


_SETTINGS = frozenset({"settings"})
_PEOPLE, _READ_PEOPLE = frozenset({"people"}), frozenset({"read_people", "people"})
_ORDERS, _READ_ORDERS = frozenset({"orders"}), frozenset({"read_orders", "orders"})

_DECLARED = (
    Resource(
        "products",
        "AC_Products",
        empty=MappingProxyType(
            _nulls(
                "eta_date available_region_id starting_quantity product_rating_dimension_group_override_id "
                "average_review_rating review_count low_stock_warning_threshold handling_fee subscription_frequency "
                "shipping_override insurance_cost in_stock_notification_email_template_id additional_points_earned "
                "profile_id category_list"
            )
            | {
                "size_unit": "In",
                "weight_unit": "Lbs",
                "e_product_type": "NotAnEProduct",
                "e_product_delivery_action": "None",
                "rate_adjustment_type": "AutoCalculation",
                "quantity_increment": 1,
                "earns_points": True,
                "cart_product_id": "00000000-0000-0000-0000-000000000000",
            }
        ),
        nullable=frozenset({"quantity_on_order", "e_product_delivery_action", "master_product_id"}),
        # supplier_id is on the vendor's page only; vendor_store_id is in live answers and in no document.
        also_readable={"supplier_id": "integer", "vendor_store_id": "integer"},
        # The vendor's example for product groups posts child_products; the file has neither of these two.
        also_writable={
            "supplier_id": "integer",
            "inelligible_for_purchase_by_points": "boolean",
            "child_products": "array",
        },
        references={"primary_category_id": "categories", "product_status_id": "product_statuses"},
        nested={
            "variants": owned("product_variants", "product_id", null_timestamps=True),
            "personalizations": nothing,
            "related": nothing,
            "categories": category_links,
            "pricing": owned("product_pricing", "product_id", null_timestamps=True),
            "attributes": nothing,
            "variant_inventory": owned("variant_inventory", "product_id", null_timestamps=True),
            "pictures": owned("product_pictures", "product_id"),
            "child_products": children,
            "shipping_rate_adjustments": nothing,
            "reviews": nothing,
            "custom_fields": field_values("Products"),
        },
        links=frozenset({"child_products", "categories"}),
        unfilterable=frozenset({"length", "height", "width"}),
    ),
    Resource(
        "product_variants",
        "AC_ProductVariants",
        list_key="variants",
        empty={"weight_type": "+"},
        nullable=frozenset({"swatch_file", "swatch_thumbnail", "swatch_thumbnail_color"}),
        # The read model says integer, the body of POST number; adjustments have decimals.
        retyped={"price_adjustment": "number"},
        references={"product_id": "products", "variant_group_id": "variant_groups"},
        cascade=frozenset({"product_id"}),
    ),
    Resource(
        "variant_groups",
        "AC_VariantGroups",
        empty={"display_type": "DropDown"},
        nested={"variants": owned("product_variants", "variant_group_id")},
    ),
    Resource(
        "variant_inventory",
        "AC_VariantInventory",
        empty=_nulls("low_stock_warning_at height length width retail"),
        references={"product_id": "products", "product_status_id": "product_statuses"},
        cascade=frozenset({"product_id"}),
        nested={
            "variants": combination,
            "pricing": owned("product_pricing", "variant_inventory_id", null_timestamps=True),
        },
        links=frozenset({"variants"}),
    ),
    Resource(
        "product_pricing",
        "AC_ProductPricing",
        # By analogy with the other resources of products; the vendor documents no list of prices.
        list_key="pricing",
        empty=_nulls(
            "store_id customer_type_id variant_inventory_id sale_type_id start_date end_date "
            "price_calculation_id variant_id"
        )
        | {"starting_quantity": 1},
        references={
            "product_id": "products",
            "variant_inventory_id": "variant_inventory",
            "customer_type_id": "customer_types",
            "variant_id": "product_variants",
            "store_id": "stores",
        },
        cascade=frozenset({"product_id", "variant_inventory_id", "variant_id", "customer_type_id"}),
    ),
    Resource(
        "product_pictures",
        "AC_ProductPictures",
        list_key="pictures",
        references={"product_id": "products"},
        cascade=frozenset({"product_id"}),
    ),
    Resource("product_statuses", "AC_ProductStatuses"),
    Resource(
        "product_inactive_in_store",
        "AC_ProductInactiveInStore",
        empty=_nulls("customer_type_id"),
        references={"item_id": "products", "store_id": "stores", "customer_type_id": "customer_types"},
        cascade=frozenset({"item_id"}),
    ),
    Resource(
        "categories",
        "AC_Categories",
        empty={"is_category_content_displayed": True},
        also_readable={"vendor_store_id": "integer"},
        references={"parent_category_id": "categories"},
        nested={"products": owned("products", "primary_category_id"), "custom_fields": nothing},
    ),
    Resource("manufacturers", "AC_Manufacturers", empty=_nulls("sort_order")),
    Resource(
        "customer_types",
        "AC_CustomerTypes",
        read_scopes=_READ_PEOPLE,
        write_scopes=_PEOPLE,
        nested={"customer_type_payment_methods_availability": nothing},
    ),
    Resource("warehouses", "AC_Warehouses", read_scopes=_SETTINGS, write_scopes=_SETTINGS),
    Resource(
        "stores",
        "AC_Stores",
        read_scopes=frozenset({"system"}),
        write_scopes=frozenset({"system"}),
        # The file says integer, the sample shows 4.0.
        retyped={"average_testimonial_rating": "number"},
    ),
    Resource(
        "customers",
        "AC_Customers",
        read_scopes=_READ_PEOPLE,
        write_scopes=_PEOPLE,
        empty=_nulls("affiliate_id registered_at last_visit_at reward_tier_id tax_rate credit_limit"),
        nullable=frozenset({"customer_type_id", "payment_net_term", "sales_person_user_id", "username"}),
        also_writable={"registered_at": "date"},
        # store_payment_methods_enabled is not in the body of PUT, and its items are objects in the one of POST:
        # the vendor's page shows texts.
        arrays=frozenset({"store_payment_methods_enabled", "customer_payment_methods_availability"}),
        references={"store_id": "stores", "customer_type_id": "customer_types"},
        nested={
            "additional_emails": nothing,
            "addresses": owned("addresses", "customer_id"),
            "customer_store_locations": nothing,
            "reward_points": nothing,
            "custom_fields": field_values("Customers"),
        },
    ),
    Resource(
        "addresses",
        "AC_Addresses",
        read_scopes=_READ_PEOPLE,
        write_scopes=_PEOPLE,
        empty={"address_type": "Default"},
        references={"customer_id": "customers"},
        cascade=frozenset({"customer_id"}),
    ),
    Resource(
        "customer_association",
        "AC_CustomerAssociation",
        read_scopes=_READ_PEOPLE,
        write_scopes=_PEOPLE,
        id_name="customer_association_id",
        references={"parent_customer_id": "customers", "child_customer_id": "customers"},
        cascade=frozenset({"parent_customer_id", "child_customer_id"}),
    ),
    Resource(
        "orders",
        "AC_Orders",
        read_scopes=_READ_ORDERS,
        write_scopes=_ORDERS,
        empty=_nulls(
            "discounted_shipping_total delivery_tax expires_at from_quote_id from_subscription_id location_id due_date "
            "order_number channel device previous_order_status_id order_status_last_changed_at ordered_at "
            "order_shipping_address_id order_billing_address_id"
        )
        | {"order_type": "Order", "source": "[none]"},
        # ordered_at and entered_by are in the file's example of POST and not in its model.
        also_writable={"ordered_at": "date", "entered_by": "string", "exported_to_accounting_system": "integer"},
        retyped=_decimals(
            "subtotal tax_total shipping_total discount_total handling_total additional_fees cost_total grand_total "
            "discounted_shipping_total delivery_tax"
        ),
        references={
            "customer_id": "customers",
            "order_status_id": "order_statuses",
            "order_shipping_address_id": "order_addresses",
            "order_billing_address_id": "order_addresses",
        },
        nested={
            "items": owned("order_items", "order_id"),
            "payments": owned("order_payments", "order_id"),
            "shipments": owned("order_shipments", "order_id"),
            "custom_fields": field_values("Orders"),
        },
    ),
    Resource(
        "order_items",
        "AC_OrderItems",
        list_key="items",
        read_scopes=_READ_ORDERS,
        write_scopes=_ORDERS,
        empty=_nulls(
            "variant_inventory_id parent_order_item_id order_shipping_address_id delivery_date height length width "
            "variants personalizations"
        )
        | {"weight_unit": "Lbs", "size_unit": "In"},
        retyped=_decimals("price cost discount_amount discount_percentage tax weight"),
        # Live answers have fields that no document lists.
        also_readable={"vendor_store_id": "integer", "fitment": "string"},
        arrays=frozenset({"variants", "personalizations"}),
        references={
            "order_id": "orders",
            "product_id": "products",
            "variant_inventory_id": "variant_inventory",
            "order_shipping_address_id": "order_addresses",
        },
        cascade=frozenset({"order_id"}),
    ),
    Resource(
        "order_payments",
        "AC_OrderPayments",
        list_key="payments",
        read_scopes=_READ_ORDERS,
        write_scopes=_ORDERS,
        empty=_nulls("gift_certificate_id card_expiration_month card_expiration_year")
        | {"transaction_type": "None", "approved_at": "", "paid_at": ""},
        retyped=_decimals("amount"),
        references={"order_id": "orders", "customer_id": "customers"},
        cascade=frozenset({"order_id"}),
        nested={"fields": nothing},
    ),
    Resource(
        "order_shipments",
        "AC_OrderShipments",
        list_key="shipments",
        read_scopes=_READ_ORDERS,
        write_scopes=_ORDERS,
        empty=_nulls(
            "shipping_method_id number_of_packages total_weight provider_insurance_cost provider_handling_cost "
            "provider_other_charges provider_total_shipping_cost"
        ),
        # The vendor's page posts items; the file has none.
        also_writable={"items": "array"},
        references={"order_id": "orders"},
        cascade=frozenset({"order_id"}),
        links=frozenset({"items"}),
        nested={"items": shipped_items},
    ),
    Resource(
        "order_addresses",
        "AC_OrderAddresses",
        list_key="addresses",
        read_scopes=_READ_ORDERS,
        write_scopes=_ORDERS,
        empty={"address_type": "Default"},
        retyped={"postal_code": "string"},
        digits=frozenset({"postal_code"}),
        references={"customer_id": "customers"},
    ),
    Resource(
        "order_statuses",
        "AC_OrderStatuses",
        read_scopes=_READ_ORDERS,
        write_scopes=_ORDERS,
        empty=_nulls("email_template_id"),
    ),
    Resource(
        "quotes",
        "AC_Quotes",
        read_scopes=_READ_ORDERS,
        write_scopes=_ORDERS,
        empty=_nulls(
            "discounted_shipping_total delivery_tax expires_at from_quote_id from_subscription_id location_id due_date "
            "order_number channel device previous_order_status_id order_status_last_changed_at ordered_at"
        )
        | {"order_type": "Quote"},
        retyped=_decimals(
            "subtotal tax_total shipping_total discount_total handling_total additional_fees cost_total grand_total "
            "discounted_shipping_total delivery_tax"
        )
        | {"selected_shipping_method": "string"},
        references={"customer_id": "customers", "order_status_id": "order_statuses"},
        nested={"items": owned("order_items", "order_id"), "custom_fields": nothing},
    ),
    Resource(
        "payment_methods",
        "AC_PaymentMethods",
        read_scopes=_SETTINGS,
        write_scopes=_SETTINGS,
        nested={"fields": nothing, "stores": nothing},
    ),
    Resource(
        "custom_fields",
        "AC_CustomFields",
        read_scopes=frozenset({"custom_fields"}),
        write_scopes=frozenset({"custom_fields"}),
        nested={"values": owned("custom_field_values", "custom_field_id"), "list_items": nothing, "stores": nothing},
    ),
    Resource(
        "custom_field_values",
        "AC_CustomFieldValues",
        list_key="values",
        read_scopes=frozenset({"custom_fields"}),
        write_scopes=frozenset({"custom_fields"}),
        references={"custom_field_id": "custom_fields"},
        cascade=frozenset({"custom_field_id"}),
    ),
    Resource(
        "custom_shipping_methods",
        "AC_CustomShippingMethods",
        read_scopes=_SETTINGS,
        write_scopes=_SETTINGS,
        links=frozenset({"rules"}),
        nested={"rules": kept_rows("rules")},
    ),
    Resource(
        "regions",
        "AC_Regions",
        read_scopes=_SETTINGS,
        write_scopes=_SETTINGS,
        empty=_nulls("postal_code_country"),
        arrays=frozenset({"countries", "states", "postal_codes"}),
        retyped=_decimals("markup_amount"),
    ),
    Resource(
        "tax_rates",
        "AC_TaxRates",
        read_scopes=_SETTINGS,
        write_scopes=_SETTINGS,
        retyped=_decimals("rate"),
        references={"region_id": "regions", "store_id": "stores"},
    ),
    Resource(
        "webhooks",
        "AC_WebhookSubscriptions",
        read_scopes=frozenset({"system"}),
        write_scopes=frozenset({"system"}),
        unlisted=True,
        also_readable=dict.fromkeys(("event_type", "url", "failure_type", "fallback_url", "cache_length"), "string")
        | {"store_id": "integer"},
        required=frozenset({"event_type", "url", "store_id"}),
        empty={"failure_type": "Ignore", "cache_length": "NoCache"},
        references={"store_id": "stores"},
        cascade=frozenset({"store_id"}),
    ),
    Resource(
        "inventory_settings",
        "AC_InventorySettings",
        internal=True,
        also_readable={
            "track_inventory": "boolean",
            "remove_from_inventory_when": "string",
            "out_of_stock_product_status_id": "integer",
            "in_stock_product_status_id": "integer",
            "back_order_product_status_id": "integer",
            "discontinued_product_status_id": "integer",
            "product_hide_no_inventory": "boolean",
        },
        empty={"track_inventory": True, "remove_from_inventory_when": "Ordered"},
    ),
)

RESOURCES: Mapping[str, Resource] = MappingProxyType({resource.name: resource for resource in _DECLARED})
"""Every resource by name."""
