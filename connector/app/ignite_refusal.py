"""A refusal that SparkLayer, and through it a buyer, hears."""

from connector.errors import PayLayerError


class IgniteRefused(PayLayerError):
    """`code` is for the program, the message for the buyer: no names of fields, no addresses of ours."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
