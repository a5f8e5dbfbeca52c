"""How a canonical entity reaches a platform: one module per entity and side."""
