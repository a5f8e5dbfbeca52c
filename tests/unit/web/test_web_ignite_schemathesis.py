"""Schemathesis makes requests of the OpenAPI document, right ones and wrong ones, and holds every answer against it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.unit.web.ignite_contract import OPERATIONS
from tests.unit.web.ignite_town import TOKEN
from tests.unit.web.served_town import served_town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DOCUMENT = Path(__file__).parents[3] / "docs" / "ignite.openapi.json"


@schemathesis.check  # type: ignore[untyped-decorator,unused-ignore]
def what_the_document_allows_is_not_called_malformed(
    ctx: schemathesis.CheckContext,  # noqa: ARG001 - what a check is given
    response: schemathesis.Response,
    case: schemathesis.Case,
) -> None:
    """A refusal with 400 may be about the store's state, or about a cart; never about the form."""
    positive = case.meta is not None and case.meta.generation.mode is schemathesis.GenerationMode.POSITIVE
    assert not (positive and response.status_code == 400 and response.json()["error_code"] == "invalid-request")


HERE = {"siteEnv": "test", "siteId": "tools"}
SEED = 20_261_122
CHECKS = {
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "positive_data_acceptance", "missing_required_header",
    "unsupported_method", "allow_header_conformance", "use_after_free", "ensure_resource_availability", "ignored_auth",
    "what_the_document_allows_is_not_called_malformed",
}  # fmt: skip


def config(address: str, *, examples: int, parameters: dict[str, str]) -> SchemathesisConfig:
    """The same requests in each run; every check that there is."""
    return SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "base-url": address,
            "headers": {"Authorization": f"Bearer {TOKEN}"},
            "parameters": parameters,
            "workers": 1,
            "continue-on-failure": True,
            "request-timeout": 30,
            "generation": {
                "deterministic": True,
                "database": "none",
                "max-examples": examples,
                "allow-x00": False,  # refused wherever it stands, as the document says in words
                "with-security-parameters": False,
            },
            "phases": {"stateful": {"max-steps": 8}},
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "401"]}},
        }
    )


@dataclass
class Told:
    """What a run did and found."""

    findings: list[str] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)

    def hear(self, event: Any) -> None:
        if isinstance(event, events.NonFatalError | events.FatalError):
            self.findings.append(repr(event))
        if isinstance(event, events.ScenarioFinished):
            self._hear_scenario(event)

    def _hear_scenario(self, event: events.ScenarioFinished) -> None:
        recorder = event.recorder
        for id_, interaction in recorder.interactions.items():
            operation = recorder.cases[id_].value.operation.definition.raw["operationId"]
            self.phases[event.phase.value] += 1
            if interaction.response is not None:
                self.answers[operation, interaction.response.status_code] += 1
        for id_, checks in recorder.checks.items():
            for check in checks:
                self.checks[check.name] += 1
                if check.failure_info is not None:
                    asked = recorder.interactions[id_].request
                    self.findings.append(
                        f"{check.name}: {asked.method} {asked.uri} {asked.encoded_body}\n{check.failure_info.failure}"
                    )


def run(address: str, *, examples: int, parameters: dict[str, str], **chosen: Any) -> Told:
    told = Told()
    schema = schemathesis.openapi.from_path(DOCUMENT, config=config(address, examples=examples, parameters=parameters))
    for event in from_schema(schema.include(**chosen) if chosen else schema).execute():
        told.hear(event)
    print(f"{sum(told.phases.values())} requests: {dict(told.phases)}; {sum(told.checks.values())} checks")  # noqa: T201
    assert told.checks.keys() >= CHECKS
    return told


def test_nothing_is_found_on_a_site_that_is_connected(tmp_path: Path) -> None:
    staying = sorted(OPERATIONS.keys() - {"removePlatformConnection"})
    with served_town(tmp_path) as address:
        told = run(address, examples=10, parameters=HERE, operation_id=staying)
    assert told.findings == [], "\n\n".join(told.findings)
    assert {operation for operation, _ in told.answers} == set(staying)
    assert {("calculateOrder", 200), ("completeOrder", 201), ("updateCustomerAddress", 200)} <= told.answers.keys()


def test_nothing_is_found_where_sites_come_and_go(tmp_path: Path) -> None:
    with served_town(tmp_path) as address:
        told = run(address, examples=10, parameters={}, tag="connection")
    assert told.findings == [], "\n\n".join(told.findings)
    assert {("createPlatformConnection", 201), ("removePlatformConnection", 204)} <= told.answers.keys()
