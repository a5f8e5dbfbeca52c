"""A setting of the store."""

from pydantic import Field, JsonValue

from contracts.values import Contract


class Setting(Contract):
    """One named value, as the publisher has it."""

    key: str = Field(min_length=1, max_length=100, description="Its name")
    refs: dict[str, str] = Field(default_factory=dict)
    value: JsonValue = None
