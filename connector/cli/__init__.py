"""The `paylayer` command."""
