"""What of a SparkLayer row has no valid canonical entity."""

from pydantic import ValidationError

from connector.errors import PayLayerError


class MappingFault(PayLayerError):
    """A row that cannot be told; `code` is stable, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(entity: str, key: str, error: ValidationError) -> MappingFault:
    """What a model refuses, in one sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return MappingFault(f"{entity.replace('-', '_')}_invalid", f"{entity} {key}: {where}: {first['msg']}")
