"""The part of a product page's address that SparkLayer keeps."""

import re
from collections.abc import Mapping

from connector.demo.oracle.expectation import Expected
from connector.demo.oracle.rows import Row, Shop, words

LONGEST = 255
_HOST = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]+([ -][A-Za-z0-9]+)*")


def page_path(product: Row) -> str:
    """`url_rewrite` without host, query and leading slashes; "" where the product has none."""
    return _HOST.sub("", words(product.get("url_rewrite"))).split("?")[0].lstrip("/").strip()


def wanted_slugs(shop: Shop) -> dict[str, set[str]]:
    """Each path, and the ids of the products that have it."""
    found: dict[str, set[str]] = {}
    for id_, product in shop.products.items():
        found.setdefault(page_path(product), set()).add(str(id_))
    return found


def slug(product: Row, wanted: Mapping[str, set[str]], held: Mapping[str, str]) -> Expected:
    """The product's slug; `held` says which product has a slug on SparkLayer now."""
    id_, path = str(product["id"]), page_path(product)
    if not path:
        return _from_name(product, id_)
    # Nothing says whether a fragment is part of "the rest", nor which one of several products gets the suffix.
    allowed = {path, path.split("#")[0]}
    for text in tuple(allowed):
        if wanted.get(path, set()) - {id_} or held.get(text[:LONGEST], id_) != id_:
            allowed.add(f"{text}-{id_}")

    def allows(found: object) -> bool:
        if not isinstance(found, str):
            return False
        return found in allowed or (len(found) > LONGEST - 20 and any(text.startswith(found) for text in allowed))

    return Expected(" or ".join(sorted(allowed)), allows)


def _from_name(product: Row, id_: str) -> Expected:
    name = words(product.get("item_name"))
    if _PLAIN_NAME.fullmatch(name) and len(name) < LONGEST - 20:
        text = f"{name.lower().replace(' ', '-')}-{id_}"
        return Expected(text, lambda found: found in (text, f"{text}-{id_}"))
    # What becomes of other letters and signs is left open; the end is not.
    return Expected(f"...-{id_}", lambda found: isinstance(found, str) and (found == id_ or found.endswith(f"-{id_}")))
