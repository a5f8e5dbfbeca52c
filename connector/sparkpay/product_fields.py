"""The fields that are read of each resource: all that the mapping uses, and no more."""

PRODUCT = (
    "id",
    "item_number",
    "item_name",
    "price",
    "cost",
    "retail",
    "product_status_id",
    "gtin",
    "short_description",
    "long_description_1",
    "quantity_on_hand",
    "eta_date",
    "is_non_inventory",
    "use_variant_inventory",
    "has_visible_variants",
    "minimum_quantity",
    "maximum_quantity",
    "quantity_increment",
    "is_hidden",
    "is_discontinued",
    "call_for_pricing",
    "weight",
    "weight_unit",
    "warehouse_id",
    "is_kit",
    "is_child_product",
    "exclude_parent_from_display",
    "exclude_children_from_display",
    "use_pricing_from_parent",
    "is_subscription_product",
    "url_rewrite",
    "updated_at",
)
HEAVY = frozenset({"short_description", "long_description_1"})
"""Texts that neither prices nor stock depend on."""

OPTION = (
    "id",
    "product_id",
    "variant_group_id",
    "description",
    "price_adjustment",
    "price_adjustment_type",
    "weight",
    "weight_type",
    "item_number_extension",
    "item_number_sort_order",
    "is_hidden",
    "sort_order",
    "updated_at",
)
COMBINATION = (
    "id",
    "product_id",
    "item_number",
    "inventory",
    "gtin",
    "product_status_id",
    "weight",
    "retail",
    "variant_inventory_image",
    "description",
    "updated_at",
)
PRICE = (
    "id",
    "product_id",
    "customer_type_id",
    "store_id",
    "variant_inventory_id",
    "variant_id",
    "variant_price_surcharge",
    "starting_quantity",
    "price",
    "start_date",
    "end_date",
    "sale_type_id",
    "price_calculation_id",
    "updated_at",
)
PICTURE = ("id", "product_id", "image_file", "is_primary", "is_hidden", "sort_order", "updated_at")

NESTED = ("variants", "variant_inventory", "pricing", "pictures")
"""The collections of a product that make a bundle, for `expand`."""
