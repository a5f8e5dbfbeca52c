"""A simulated Spark Pay store: state, API with its oddities, faults on demand, a catalogue to fill it."""

from connector.sandbox.faults import FaultBook, FaultRule
from connector.sandbox.sparkpay.app import create_app
from connector.sandbox.sparkpay.catalogue import fill_catalogue
from connector.sandbox.sparkpay.defects import add_duplicate_sku, add_product_without_sku, add_unacceptable_price
from connector.sandbox.sparkpay.journal import Journal
from connector.sandbox.sparkpay.policy import SandboxPolicy
from connector.sandbox.sparkpay.shape import CatalogueFacts, CatalogueShape
from connector.sandbox.sparkpay.store import SparkPayStore
from connector.sandbox.sparkpay.trading import SUB_ACCOUNT, TradeFacts, fill_trade
from connector.sandbox.sparkpay.webhook_post import WebhookPost

__all__ = [
    "SUB_ACCOUNT",
    "CatalogueFacts",
    "CatalogueShape",
    "FaultBook",
    "FaultRule",
    "Journal",
    "SandboxPolicy",
    "SparkPayStore",
    "TradeFacts",
    "WebhookPost",
    "add_duplicate_sku",
    "add_product_without_sku",
    "add_unacceptable_price",
    "create_app",
    "fill_catalogue",
    "fill_trade",
]
