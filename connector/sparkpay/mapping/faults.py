"""What a mapping says about a payload that it cannot turn into an entity."""

from connector.errors import PayLayerError


class MappingFault(PayLayerError):
    """A payload that has no valid entity; `code` is stable, `part` names the field, option or variant."""

    def __init__(self, code: str, message: str, part: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.part = part
