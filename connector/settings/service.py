"""The settings of one process: environment variables `PAYLAYER_*` over `paylayer.toml` over defaults."""

import difflib
import os
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from connector.errors import UserFault

EMBEDDED = "embedded"
SHORTEST_SECRET = 32
FILE = "paylayer.toml"
_WANTED = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "string_type": "must be text, in quotes",
    "string_pattern_mismatch": "must be 1 to 100 of letters, digits, dots, hyphens and underscores",
}


def data_folder() -> Path:
    """Where the default database lives: `PAYLAYER_HOME`, else the user's data folder."""
    if home := os.environ.get("PAYLAYER_HOME"):
        return Path(home)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "paylayer"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "paylayer"


class Settings(BaseSettings):
    """What a PayLayer process needs to know before it can read the database."""

    model_config = SettingsConfigDict(env_prefix="PAYLAYER_", toml_file=FILE, extra="forbid", frozen=True)

    kafka_bootstrap_servers: str = "localhost:9092"
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_cafile: Path | None = None
    kafka_ssl_certfile: Path | None = None
    kafka_ssl_keyfile: Path | None = None
    topic_prefix: str = Field(default="paylayer", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    topic_partitions: int = Field(default=12, ge=1)
    topic_replication: int = Field(default=-1, ge=-1, description="-1: the broker's default")
    database_url: str = ""
    secret_key: SecretStr | None = None
    secret_key_second: SecretStr | None = Field(
        default=None, description="While the key is changed: what it sealed can be read, nothing new is sealed with it"
    )
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    public_url: str | None = None
    admin_token: SecretStr | None = None
    ignite_token: SecretStr | None = None
    ignite_auth: Literal["bearer", "basic", "hmac"] = "bearer"
    ignite_user: str = Field(default="sparklayer", min_length=1, description="The user name of basic authentication")
    ignite_allow: str = Field(default="", description="Addresses and networks that may call Ignite; empty: any")
    ignite_verify_secret: SecretStr | None = Field(
        default=None, description="The key with which the storefront signs who a shopper is (JWT, HS256)"
    )
    trusted_proxies: str = Field(default="", description="Addresses and networks whose X-Forwarded headers count")
    sparkpay_app_id: str | None = None
    sparkpay_app_secret: SecretStr | None = None
    sparkpay_app_scope: str = "people,orders,catalog,settings,system,custom_fields"
    sparklayer_live_url: str | None = None
    sparklayer_test_url: str | None = None
    default_currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    default_b2b_customer_types: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    poll_interval_seconds: float = Field(default=5.0, gt=0)
    idle_calls_per_second: float = Field(
        default=20.0, gt=0, description="Looks of one process at all stores together while nothing changes there"
    )
    flood_in_a_row: int = Field(default=0, ge=0, description="refused records in a row that stop a partition; 0: never")
    flood_ratio: float = Field(default=0.0, ge=0, le=1, description="part of the last flood_window; 0: never")
    flood_window: int = Field(default=500, ge=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def database(self) -> str:
        """The database address, with the default filled in."""
        return self.database_url or f"sqlite:///{data_folder() / 'paylayer.sqlite3'}"

    def require_secret_key(self) -> str:
        """The key that encrypts credentials. Raises `UserFault` where it is missing or too short."""
        key = self.secret_key.get_secret_value() if self.secret_key else ""
        if len(key) < SHORTEST_SECRET:
            what = "is not set" if not key else f"has {len(key)} characters"
            raise UserFault(
                f"PAYLAYER_SECRET_KEY {what}: set it to a secret of {SHORTEST_SECRET} characters or more "
                "(for instance the output of `openssl rand -hex 32`) and keep it; without it credentials are lost"
            )
        return key

    def require_secret_keys(self) -> tuple[str, ...]:
        """The key that encrypts credentials, and the second one where there is one. Raises `UserFault`."""
        second = self.secret_key_second.get_secret_value() if self.secret_key_second else ""
        if second and len(second) < SHORTEST_SECRET:
            raise UserFault(
                f"PAYLAYER_SECRET_KEY_SECOND has {len(second)} characters: set it to the other of the two keys, or not "
                "at all"
            )
        return (self.require_secret_key(), *([second] if second else []))


def load() -> Settings:
    """Settings of this process. Raises `UserFault` that names the variable, what is wrong and what fits."""
    try:
        return Settings()
    except ValidationError as error:
        raise UserFault(_told(error.errors(include_url=False, include_input=False)[0])) from None  # no value is shown
    except (ValueError, OSError) as error:
        raise UserFault(f"{FILE} cannot be read: {error}") from error


def _told(fault: Any) -> str:  # noqa: ANN401 - pydantic's own shape
    name = str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name.lower(), Settings.model_fields, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(Settings.model_fields)}"
        return f"{FILE} has a name that nobody reads, {name}: {hint}"
    variable = f"PAYLAYER_{name.upper()}"
    where = variable if variable in {key.upper() for key in os.environ} else f"{name} in {FILE}"
    wanted = _WANTED.get(fault["type"]) or fault["msg"].replace("Input should be", "must be")
    return f"{where} {wanted}"
