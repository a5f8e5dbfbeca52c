"""What is in the repository works on any machine: no addresses of one, pinned dependencies, files that agree."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")
# put together here, so that this file does not hold what it looks for
MACHINE_PATHS = re.compile(
    "|".join(f"(?<![\\w.])/{folder}/" for folder in ("root", "work", "Users", "mnt")) + r"|/home/\w+/"
)
REGISTRIES = re.compile(
    "|".join((r"pypi\.(?:org|python)", r"python" + "hosted", r"registry\.npm" + "js", r"repo1?\.maven" + r"\.org"))
)
INDEX_OPTIONS = re.compile(r"--(?:extra-)?index-url|--find-links|--trusted-host")


def tracked() -> list[Path]:
    """Files that are, or would be, in the repository."""
    if shutil.which("git") is None:
        pytest.skip("no git: nothing says which files belong to the project")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git work tree: nothing says which files belong to the project")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> dict[str, str]:
    found = {}
    for path in tracked():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
    return found


@pytest.mark.parametrize(
    "pattern", [MACHINE_PATHS, REGISTRIES, INDEX_OPTIONS], ids=["paths", "registries", "index options"]
)
def test_nothing_names_a_machine_or_a_registry(pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}: {match.group()}"
        for name, text in texts().items()
        if name != Path(__file__).relative_to(ROOT).as_posix()
        for match in pattern.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_is_pinned_and_hashed(name: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text("utf-8").strip())
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


def test_locks_agree_with_each_other() -> None:
    pins: dict[str, set[str]] = {}
    for name in LOCKS:
        for package, version in re.findall(
            r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE
        ):
            pins.setdefault(package, set()).add(version)
    assert {package: versions for package, versions in pins.items() if len(versions) > 1} == {}


def test_runtime_lock_is_within_the_development_lock() -> None:
    runtime, development = (
        set(re.findall(r"^[a-z0-9._-]+", (ROOT / name).read_text("utf-8"), re.MULTILINE)) for name in LOCKS[:2]
    )
    assert runtime <= development


def test_declared_dependencies_are_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    for requirement in project["dependencies"]:
        name = re.split(r"[\[<>=!~ ]", requirement)[0].lower()
        assert re.search(rf"^{re.escape(name)}==", lock, re.MULTILINE), requirement


def test_compose_and_kubernetes_run_the_same_program() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    assert compose["services"]["paylayer"]["command"] == ["run"]
    assert compose["services"]["topics"]["command"] == ["topics", "create"]
    roles = set()
    for path in (ROOT / "deploy" / "kubernetes").glob("*.yaml"):
        for manifest in yaml.safe_load_all(path.read_text("utf-8")):
            if manifest["kind"] == "Deployment":
                container = manifest["spec"]["template"]["spec"]["containers"][0]
                roles |= set(container["args"][2].split(","))
                assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
    assert roles == {"producers", "intake", "appliers", "web"}


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    for name in ("PAYLAYER_DB_PASSWORD", "PAYLAYER_SECRET_KEY", "PAYLAYER_ADMIN_TOKEN"):
        uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", text)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_documents_link_to_files_that_exist() -> None:
    missing = [
        f"{name}: {target}"
        for name, text in texts().items()
        if name.endswith(".md")
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
        if not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert missing == []
