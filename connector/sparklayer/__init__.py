"""SparkLayer over HTTP: client, tokens, and a gate that feels for the rate the platform can take."""

from connector.sparklayer.client import SparkLayerClient
from connector.sparklayer.credentials import Credentials
from connector.sparklayer.gate import CallGate
from connector.sparklayer.gate_policy import GatePolicy
from connector.sparklayer.session import OnCall
from connector.sparklayer.token import MemoryTokenStore, Token, TokenStore

__all__ = [
    "CallGate",
    "Credentials",
    "GatePolicy",
    "MemoryTokenStore",
    "OnCall",
    "SparkLayerClient",
    "Token",
    "TokenStore",
]
