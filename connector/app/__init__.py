"""Composition: settings, stores, clients and engine put together."""
