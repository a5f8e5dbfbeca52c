"""A strict, stateful simulation of one SparkLayer site: products, variants, stock, price lists and prices."""

from connector.sandbox.faults import FaultBook, FaultRule
from connector.sandbox.journal import Entry
from connector.sandbox.sparklayer.app import create_app
from connector.sandbox.sparklayer.journal import Journal
from connector.sandbox.sparklayer.policy import SitePolicy
from connector.sandbox.sparklayer.site import SparkLayerSite

__all__ = ["Entry", "FaultBook", "FaultRule", "Journal", "SitePolicy", "SparkLayerSite", "create_app"]
