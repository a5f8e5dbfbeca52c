"""Store settings to SparkLayer: only keys that the site has, and a refusal is a note, not a failure."""

from collections.abc import Sequence

from connector.errors import CredentialsRefused, PlatformError, Refused
from connector.sparklayer import SparkLayerClient
from contracts.entities import Setting
from handlers.outcome import Applied, Context, Outcome, Skip, Task, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.classify import classify


class SettingHandler:
    """Applies settings in one call; those that the site does not have are on record once.

    What is there is read once, for the names that the site has, and where there is doubt. `look_only` tells what
    differs instead of writing it.
    """

    entity = "setting"
    batch = 100
    after: Sequence[str] = ()

    def __init__(self, client: SparkLayerClient, *, look_only: bool = False) -> None:
        self._client = client
        self._look_only = look_only
        self._names: frozenset[str] = frozenset()  # of the site's settings, as far as they were read

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:  # noqa: ARG002 - see `Handler`
        """See `Handler`."""
        wanted = {task.key: task.entity for task in tasks if isinstance(task.entity, Setting)}
        hashes = {key: body_hash(setting.model_dump(mode="json")["value"]) for key, setting in wanted.items()}
        new = {
            task.key for task in tasks if task.key in wanted and (task.doubt or hashes[task.key] != task.applied_hash)
        }
        notes: dict[str, Skip] = {}
        written: set[str] = set()
        try:
            if new:
                if self._look_only or not new <= self._names or any(task.doubt for task in tasks):
                    there = {str(row.get("key")): row.get("value") for row in await self._client.settings.all()}
                    self._names = frozenset(there)
                    notes = {key: _unknown(key) for key in new if key not in there}
                    new = {key for key in new & there.keys() if there[key] != wanted[key].value}
                changes = {key: wanted[key].value for key in sorted(new)}
                if changes and not self._look_only:
                    await self._client.settings.change([{"key": key, "value": value} for key, value in changes.items()])
                written = set(changes)
        except (Refused, CredentialsRefused) as error:
            self._names = frozenset()
            if isinstance(error, CredentialsRefused) and error.code == "credentials":
                return [classify(error)] * len(tasks)
            notes |= {key: Skip("setting_refused", f"setting {key}: {error.message}", key, note=True) for key in new}
        except PlatformError as error:
            return [classify(error)] * len(tasks)
        return [
            would_write(f"setting {task.key} is not as it should be")
            if self._look_only and task.key in written
            else Applied(
                hashes.get(task.key, body_hash(None)),
                unchanged=task.key not in written,
                skips=(notes[task.key],) if task.key in notes else (),
            )
            for task in tasks
        ]


def _unknown(key: str) -> Skip:
    return Skip("setting_unknown", f"setting {key}: the site has none of that name, it was left out", key, note=True)
