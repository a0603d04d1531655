"""The compositions: what docker-compose reads in them, and what every container is given."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.containers.health import PORTS
from deploy.containers.secrets import ADDONS, make_secrets

ROOT = Path(__file__).parents[3]
FILES = ("docker-compose.yml", *(f"deploy/addons/{name}/docker-compose.yml" for name in ADDONS))
SECRET = re.compile(r"\$\{(\w+_(?:SECRET|PASSWORD|KEY|SEED|HASHES)\b)")

needs_compose = pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="docker-compose is not installed"
)


@cache
def read(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / file).read_text())
    return content


def containers() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """File, name and definition of every container."""
    for file in FILES:
        for name, definition in read(file)["services"].items():
            yield file, name, definition


@pytest.fixture(scope="module")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make secrets` writes."""
    root = tmp_path_factory.mktemp("root")
    for addon in ADDONS:
        (root / "deploy" / "addons" / addon).mkdir(parents=True)
    (root / "nginx").mkdir()
    make_secrets(root)
    return root / ".env"


def config(file: str, env_file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker-compose", "--env-file", str(env_file), "-f", file, "config"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@needs_compose
@pytest.mark.parametrize("file", FILES)
def test_docker_compose_reads_it_with_what_make_secrets_writes(file: str, env_file: Path) -> None:
    told = config(file, env_file)

    assert (told.returncode, told.stderr) == (0, "")
    assert "${" not in told.stdout


@needs_compose
def test_without_secrets_it_says_how_they_are_made(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    told = config("docker-compose.yml", tmp_path / "empty")

    assert told.returncode != 0
    assert "run make secrets" in told.stderr


def test_no_secret_has_a_default() -> None:
    for file in FILES:
        text = (ROOT / file).read_text()
        # Credentials of provision's own are optional, and empty unless somebody sets them.
        for match in SECRET.finditer(text):
            rest = text[match.end() :]
            assert rest.startswith((":?run make secrets}", ":-}")), match[1]


def test_a_container_is_given_its_own_secrets_alone() -> None:
    shared = {"SMQ_ENCRYPTION_KEY", "SMQ_NATS_PASSWORD", "SMQ_REDIS_PASSWORD"}
    for _, name, definition in containers():
        service = name.removesuffix("-migrate")
        if service not in PORTS:
            continue
        given = set(SECRET.findall(yaml.safe_dump(definition["environment"])))
        own = {secret for secret in given if secret.startswith(f"SMQ_{service.upper()}_")}
        others = given - own - shared
        allowed = {
            "http_adapter": {"SMQ_NATS_DEVICES_PASSWORD"},
            "mqtt_auth": {"SMQ_NATS_SYSTEM_PASSWORD"},
        }
        assert others == allowed.get(name, set()), name
        if name.endswith("-migrate"):
            assert given == {f"SMQ_{service.upper()}_DB_OWNER_PASSWORD"}
        elif "DATABASE_URL" in "".join(definition["environment"]):
            assert f"SMQ_{service.upper()}_DB_OWNER_PASSWORD" not in given


@pytest.mark.parametrize(("file", "name", "definition"), list(containers()))
def test_every_container_is_held_on_a_short_lead(
    file: str, name: str, definition: dict[str, Any]
) -> None:
    assert definition["cap_drop"] == ["ALL"]
    assert definition["security_opt"] == ["no-new-privileges:true"]
    assert definition["mem_limit"]
    assert definition["logging"]["options"]["max-size"]
    job = name.endswith("-migrate") or name == "databases"
    assert definition["restart"] == ("no" if job else "unless-stopped")
    if name.removesuffix("-migrate") in PORTS:
        assert definition["read_only"] is True
        assert definition["image"] == "${SMQ_IMAGE:-supermq-provisioning:latest}"
    if not job and name in PORTS:
        environment = definition["environment"]
        assert environment["SMQ_PRODUCTION"] == "true"
        assert environment.get(f"SMQ_{name.upper()}_AUTO_MIGRATE", "false") == "false"


def test_nothing_but_the_front_door_is_reached_from_other_machines() -> None:
    published = {name: definition.get("ports", []) for _, name, definition in containers()}

    assert {name for name, ports in published.items() if ports} == {"nginx", *ADDONS}
    for addon in ADDONS:
        assert all(port.startswith("127.0.0.1:") for port in published[addon])


def test_every_service_has_a_place_in_a_composition() -> None:
    assert {name for _, name, _ in containers()} >= set(PORTS)


def test_the_image_leaves_out_only_what_the_lock_file_has_and_services_do_not_import() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    lock = (ROOT / "requirements/run.lock").read_text()
    found = re.search(r"left_out = /\^\(([^)]*)\)==/", dockerfile)
    assert found is not None

    left_out = found[1].split("|")

    assert [name for name in left_out if f"\n{name}==" not in f"\n{lock}"] == []
    imports = re.compile(
        rf"^\s*(?:import|from) ({'|'.join(name.replace('-', '_') for name in left_out)})\b",
        re.MULTILINE,
    )
    files = [path for room in ("services", "shared") for path in (ROOT / room).rglob("*.py")]
    assert [str(path) for path in files if imports.search(path.read_text())] == []


def test_nginx_is_told_every_name_its_templates_use() -> None:
    templates = (ROOT / "nginx/templates").glob("*.template")
    used = {
        name for path in templates for name in re.findall(r"\$\{(NGINX_\w+)\}", path.read_text())
    }

    given = read("docker-compose.yml")["services"]["nginx"]["environment"]

    assert used == set(given)
