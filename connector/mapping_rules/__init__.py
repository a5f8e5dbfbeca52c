"""Field mapping by configuration: what a connection renames, drops, fills in and computes."""

from connector.mapping_rules.file import check_mapping, mapping_of
from connector.mapping_rules.rules import EntityRules, Mapping, RuleFailed

__all__ = ["EntityRules", "Mapping", "RuleFailed", "check_mapping", "mapping_of"]
