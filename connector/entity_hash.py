"""The digest that tells whether an entity is as it was."""

import hashlib
import json

from contracts.entities import Entity


def entity_hash(entity: Entity) -> str:
    """SHA-256 of the entity's canonical JSON; equal for equal content."""
    body = entity.model_dump(mode="json", exclude_none=True)
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
