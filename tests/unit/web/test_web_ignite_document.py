"""The OpenAPI document of the Ignite contract is that of the code, and names every operation of the vendor's list."""

import json
import os
from pathlib import Path

from connector.web.ignite.app import operations

DOCUMENT = Path(__file__).parents[3] / "docs" / "ignite.openapi.json"
PREFIX = "/v1/{siteEnv}/{siteId}"
OPERATIONS = {
    ("POST", ""): {"201", "204"},
    ("DELETE", ""): {"204"},
    ("PUT", "/customers"): {"201"},
    ("POST", "/sub-accounts"): {"201"},
    ("DELETE", "/sub-accounts/{customer_external_id}"): {"204"},
    ("POST", "/customers/{customer_external_id}/addresses"): {"201"},
    ("PUT", "/customers/{customer_external_id}/addresses/{customer_address_external_id}"): {"200"},
    ("DELETE", "/customers/{customer_external_id}/addresses/{customer_address_external_id}"): {"204"},
    ("POST", "/checkout/calculate"): {"200"},
    ("POST", "/checkout/complete"): {"201"},
    ("POST", "/status/{syncDataType}"): {"201"},
    ("GET", "/metafield-configuration"): {"200"},
    ("POST", "/metafield-configuration/enable"): {"204"},
    ("POST", "/authentication/verify"): {"200"},
}
"""Its good answers."""
ALWAYS = {"400", "401", "413", "429", "500"}


def text() -> str:
    return json.dumps(operations(None).openapi(), indent=1, sort_keys=True) + "\n"


def test_the_document_is_that_of_the_code() -> None:
    """Renew it with PAYLAYER_RENEW_GOLDEN=1."""
    if os.environ.get("PAYLAYER_RENEW_GOLDEN"):
        DOCUMENT.write_text(text(), encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == text()


def test_every_operation_and_answer_of_the_contract_is_there() -> None:
    found = {
        (method.upper(), path.removeprefix(PREFIX)): set(operation["responses"])
        for path, methods in json.loads(text())["paths"].items()
        for method, operation in methods.items()
    }
    assert found == {operation: answers | ALWAYS for operation, answers in OPERATIONS.items()}
    assert json.loads(text())["openapi"].startswith("3.1")
