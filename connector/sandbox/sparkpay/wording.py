# ruff: noqa: RUF001 - titles in many scripts are the point
"""Words of the generated catalogue: titles, descriptions, options; every text is made up."""

from __future__ import annotations

from random import Random

_MATERIALS = ("Steel", "Brass", "Nylon", "Oak", "Copper", "Aluminium", "Rubber", "Canvas", "Zinc", "Glass")
_THINGS = (
    "Hinge",
    "Bracket",
    "Work Glove",
    "Hose Clamp",
    "Shelf Panel",
    "Ball Valve",
    "Apron",
    "Cable Tie",
    "Safety Vest",
    "Drawer Slide",
    "Storage Bin",
    "Pipe Fitting",
    "Caster Wheel",
    "Sanding Disc",
)
_STYLES = ("Standard", "Heavy Duty", "Compact", "Professional", "Series 200", 'with 3/8" Thread', "& Washer Set", "XL")
UNICODE_TITLES = (
    "工業用ステンレスボルト M8",
    "不锈钢铰链（重型）",
    "🔧 Workshop Starter Kit 🧰",
    "مفصلة فولاذية للأبواب",
    "ציר פלדה לדלת",
    "Cafe\u0301 Table Leg (Gu\u0308nstig)",
    "Ångström-Lehre ½″ – Größe №5",
    "👩\u200d🔧 Technician's Apron",
)
_DESCRIPTIONS = (
    "<p>Made for daily use in the workshop.</p>\r\n<ul>\r\n<li>Tested to 10,000 cycles</li>\r\n</ul>",
    '<div class="spec">\r\n<b>Technical data</b><br />\r\nTolerance &plusmn;0.1&nbsp;mm &mdash; zinc.\r\n</div>',
    "<P>Sold in trade packs. <font face=Arial size=2>Ask for a data sheet.</font>\r\n<P>Keep dry &amp; clean.",
    "<table>\r\n<tr><td>Load</td><td>45 kg / 100 lb, \u201ctested\u201d</td></tr>\r\n</table>",
    "",
)

Option = tuple[str, str]
"""The text of an option value and its part of a SKU."""

COLORS: tuple[Option, ...] = tuple(
    (name, name[:3].upper())
    for name in (
        "Red",
        "Blue",
        "Green",
        "Yellow",
        "White",
        "Orange",
        "Silver",
        "Purple",
        "Teal",
        "Ivory",
        "Navy",
        "Coral",
        "Amber",
        "Mint",
    )
)
SIZES: tuple[Option, ...] = tuple(
    (name, name) for name in ("XS", "S", "M", "L", "XL", "2XL", "3XL", "38", "40", "42", "44", "46", "48", "50")
)
LENGTHS: tuple[Option, ...] = tuple((f"{size} mm", f"L{size}") for size in range(10, 150, 10))


def title(random: Random) -> str:
    """Return a product name in plain words."""
    return f"{random.choice(_MATERIALS)} {random.choice(_THINGS)} {random.choice(_STYLES)}"


def description(random: Random) -> str:
    """Return a description in HTML with CRLF, shared between products to save memory; sometimes none."""
    return random.choice(_DESCRIPTIONS)


def slug(text: str, number: int) -> str:
    """Return the path of a product page: unique by the number."""
    words = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in text).lower().split())
    return f"/{words or 'item'}-{number}.aspx"
