"""A connection as people and scripts see it: without its secrets."""

from typing import Any

from connector.state.connections import Connection


def connection_report(connection: Connection) -> dict[str, Any]:
    """Everything but token and client secret."""
    return {
        "id": connection.id,
        "state": connection.state,
        "sparkpay_url": connection.sparkpay.url,
        "sparklayer_url": connection.sparklayer.url,
        "site_id": connection.sparklayer.site_id,
        "site_env": connection.sparklayer.site_env,
        "client_id": connection.sparklayer.client_id,
        "created_at": connection.created_at,
        "updated_at": connection.updated_at,
        "settings": connection.settings.model_dump(mode="json"),
    }
