"""What servers start from: compose.yaml, Dockerfile, systemd units and honcho's Procfile name what is there."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from http.server import HTTPServer
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from honcho.environ import parse_procfile

from accounts.crypto import parse_keys
from portal import process
from portal.fresh_secrets import fresh_secrets

ROOT = settings.BASE_DIR
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "tradeport"}
TRY_OUT = yaml.safe_load((ROOT / "deploy" / "simulator.yaml").read_text())["services"]
UNITS = ROOT / "deploy" / "systemd"
TWO_OF_EACH = {"web": 2, "sync": 2, "worker": 2, "files": 2, "beat": 1}


def process_name(command: list[str]) -> str | None:
    """The process of the Procfile that a command becomes; None for the migration. Raises when it is not there."""
    match command:
        case [_, "-m", "portal.process", name]:
            process.command(name)
            return name
    assert command[1:] == ["-m", "portal.migrate"]
    return None


def test_every_process_of_a_server_has_a_service() -> None:
    names = {name: process_name(service["command"]) for name, service in OURS.items()}
    replicas = {process: OURS[name].get("deploy", {}).get("replicas", 1) for name, process in names.items() if process}
    given = {name: f"${{{name.upper()}_PROCESSES:-2}}" for name in TWO_OF_EACH if name != "beat"}
    assert replicas == given | {"beat": 1, "simulator": 1}
    assert OURS["simulator"]["profiles"] == ["simulator"]


def test_what_speaks_to_the_simulator_has_its_loopback() -> None:
    assert TRY_OUT.keys() == TWO_OF_EACH.keys() | {"proxy"}
    assert all(TRY_OUT[name]["network_mode"] == "service:simulator" for name in TWO_OF_EACH)
    # They share a host name, by which Celery knows its workers, and a port.
    assert all(TRY_OUT[name]["deploy"] == {"replicas": 1} for name in TWO_OF_EACH)
    port = OURS["web"]["environment"]["PORT"]
    assert TRY_OUT["proxy"]["environment"] == {"PORTAL_WEB": f"simulator:{port}"}


def test_the_portal_takes_the_environment_of_its_containers() -> None:
    known = fresh_secrets() | {"POSTGRES_PASSWORD": "only-for-tests", "PORTAL_HOST": "desk.example.com"}
    given = OURS["web"]["environment"] | TRY_OUT["web"]["environment"]
    filled = {name: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: known[found[1]], value) for name, value in given.items()}
    environment = {"PATH": os.environ["PATH"]} | known | filled
    command = [sys.executable, "manage.py", "check", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_services_wait_for_what_they_need() -> None:
    for name in TWO_OF_EACH:
        needed = OURS[name]["depends_on"]
        assert needed["migrate"] == {"condition": "service_completed_successfully"}
        assert needed["redis"] == {"condition": "service_healthy"}
    assert OURS["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    # On its socket a new database answers before it is one.
    assert "--host" in COMPOSE["services"]["postgres"]["healthcheck"]["test"]
    assert OURS["web"]["environment"].keys() <= _known_variables()


def _known_variables() -> set[str]:
    """Variables that settings, the Procfile or uvicorn read."""
    sources = (ROOT / "portal" / "settings.py", ROOT / "Procfile", ROOT / ".env.example")
    return set(re.findall(r"\b[A-Z][A-Z_]{3,}\b", "".join(path.read_text() for path in sources)))


def test_no_log_fills_the_disk() -> None:
    """Docker's own log files grow without end; those of its driver `local` are rotated."""
    assert {
        name for name, service in COMPOSE["services"].items() if service.get("logging") != {"driver": "local"}
    } == set()


# For development, and set by the launcher.
UNTOLD = {"DEBUG", "SIMULATOR_URL", "SIMULATOR_CLIENT_ID"}


def test_every_setting_is_told() -> None:
    read = set(re.findall(r"env\.\w+\(\"(\w+)\"", (ROOT / "portal" / "settings.py").read_text()))
    told = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read - told == UNTOLD


def test_compose_files_keep_to_the_specification() -> None:
    """Also where no docker client is there to read them."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, "compose.yaml", "deploy/simulator.yaml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("files", [["compose.yaml"], ["compose.yaml", "deploy/simulator.yaml"]])
def test_docker_compose_reads_it(files: list[str], tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("NOT RUN: docker compose config; this machine has no docker client that knows compose")
    (tmp_path / "deploy").mkdir()
    for name in (*files, "Dockerfile"):
        shutil.copy(ROOT / name, tmp_path / name)
    known = {"POSTGRES_PASSWORD": "only-for-tests", "PORTAL_HOST": "desk.example.com"}
    known |= {"COMPOSE_FILE": ":".join(files), "COMPOSE_PROFILES": "simulator", "SYNC_PROCESSES": "3"}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in known.items()))
    command = [docker, "compose", "config", "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert services.keys() == COMPOSE["services"].keys()
    replicas = [services[name]["deploy"]["replicas"] for name in ("web", "sync")]
    assert replicas == ([2, 3] if len(files) == 1 else [1, 1])


def test_the_image_runs_as_nobody_special_and_holds_what_it_copies() -> None:
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#")]
    users = [rest for what, rest in steps if what == "USER"]
    assert users == ["tradeport"]
    assert steps.index(["USER", "tradeport"]) < [what for what, _ in steps].index("CMD")
    assert [what for what, _ in steps].count("HEALTHCHECK") == 1
    copied = [shlex.split(rest)[:-1] for what, rest in steps if what == "COPY" and "--from" not in rest]
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {path for paths in copied for path in paths} == let_in
    assert all((ROOT / path).exists() for path in let_in)
    (start,) = [json.loads(rest) for what, rest in steps if what == "CMD"]
    assert process_name(start) == "web"


def test_systemd_starts_what_is_there() -> None:
    unit = (UNITS / "tradeport@.service").read_text()
    (start,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    instances = re.findall(r"tradeport@(\S+)\.service", (UNITS / "tradeport.target").read_text())
    counts: dict[str, int] = {}
    for instance in instances:
        name = process_name(shlex.split(start.replace("%i", instance)))
        assert name == instance
        counts[name.partition("-")[0]] = counts.get(name.partition("-")[0], 0) + 1
    assert counts == TWO_OF_EACH
    (migration,) = re.findall(r"^ExecStart=(.*)$", (UNITS / "tradeport-migrate.service").read_text(), re.MULTILINE)
    assert process_name(shlex.split(migration)) is None
    verify = shutil.which("systemd-analyze")
    if verify:
        done = subprocess.run(
            [verify, "verify", UNITS / "tradeport.target"], capture_output=True, text=True, check=False
        )
        assert "tradeport" not in done.stderr, done.stderr


def test_what_systemd_starts_may_write_to_var_alone() -> None:
    for name in ("tradeport@.service", "tradeport-migrate.service"):
        lines = (UNITS / name).read_text().splitlines()
        assert {"User=tradeport", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(lines), name
        assert [line for line in lines if line.startswith("ReadWritePaths=")] == ["ReadWritePaths=/opt/tradeport/var"]


def test_systemd_waits_for_the_right_time_and_lets_many_connect() -> None:
    migration = (UNITS / "tradeport-migrate.service").read_text()
    for order in ("After", "Wants"):
        assert re.search(rf"^{order}=.*\btime-sync\.target\b", migration, re.MULTILINE)
    process = (UNITS / "tradeport@.service").read_text()
    assert re.search(r"^After=.*\btradeport-migrate\.service\b", process, re.MULTILINE)
    assert re.search(r"^LimitNOFILE=65536$", process, re.MULTILINE)


def test_what_the_proxy_logs_of_a_request_has_no_code_of_a_sign_in() -> None:
    lines = [line.strip() for line in (ROOT / "deploy" / "Caddyfile").read_text().splitlines()]
    options = " ".join(line for line in lines[: lines.index("{$PORTAL_HOST} {")] if not line.startswith("#"))
    assert "request>uri query { replace code REDACTED replace state REDACTED }" in options
    assert "request>headers>Referer delete" in options


def test_honcho_starts_what_is_there() -> None:
    line = (ROOT / "deploy" / "serve").read_text()
    (counts,) = re.findall(r"-c (\S+)", line)
    assert re.search(r"^python -m portal.migrate\n(#.*\n)?exec honcho start ", line, re.MULTILINE)
    assert {name: int(count) for name, count in (one.split("=") for one in counts.split(","))} == TWO_OF_EACH
    for name, command in parse_procfile((ROOT / "deploy" / "Procfile").read_text()).processes.items():
        started = command.replace("${HONCHO_PROCESS_NAME##*.}", "2")
        assert (process_name(shlex.split(started)) or "").partition("-")[0] == name


@pytest.mark.parametrize(
    ("written", "given", "ports"),
    [
        ("", {}, ["8000", "8001"]),
        ("PORT=8200\n", {}, ["8200", "8201"]),
        ("", {"PORT": "8300"}, ["8300", "8301"]),
    ],
)
def test_by_hand_web_listens_where_the_readme_says(
    tmp_path: Path, written: str, given: dict[str, str], ports: list[str]
) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    (tmp_path / ".env").write_text(f"SECRET_KEY=only-for-tests\n{written}")
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "honcho").symlink_to(Path(sys.executable).parent / "honcho")
    stand_in = binaries / "python"
    stand_in.write_text('#!/bin/sh\n[ "$2" != portal.process ] || { [ "$3" != web ] || echo "port $PORT"; sleep 1; }\n')
    stand_in.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], **given}
    done = subprocess.run(
        [tmp_path / "deploy" / "serve"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert sorted(re.findall(r"port (\d+)", done.stdout)) == ports


def test_the_second_of_a_kind_has_a_port_and_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8100")
    assert process.command("web")[1] == {}
    assert process.command("web-2")[1]["PORT"] == "8101"
    line, changes = process.command("files-2")
    assert changes == {"PROCESS_NUMBER": "2"}
    assert "files$PROCESS_NUMBER@%h" in line


@pytest.mark.parametrize("name", ["webb", "web-0", "web-two", "-1", ""])
def test_a_process_that_is_none_is_one_clear_line(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "portal.process", name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"There is no process {name!r}. There are: redis, simulator, web, sync, ")


def test_fresh_secrets_are_good_ones_and_never_the_same() -> None:
    command = [sys.executable, "-m", "portal.fresh_secrets"]
    outputs = [subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    first, second = (dict(line.split("=", 1) for line in output.splitlines()) for output in outputs)
    assert parse_keys([first["TOKEN_KEYS"]])
    assert len(first["SECRET_KEY"]) >= 50
    assert all(first[name] != second[name] for name in first)


def test_the_health_check_asks_by_a_name_that_is_allowed(health_server: HTTPServer) -> None:
    def probe(port: int) -> int:
        environment = os.environ | {"PORT": str(port), "ALLOWED_HOSTS": "desk.example.com,127.0.0.1"}
        command = [sys.executable, "-m", "portal.probe"]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode

    port = health_server.server_address[1]
    assert probe(port) == 0
    health_server.status = 503
    assert probe(port) == 1
    health_server.shutdown()
    health_server.server_close()
    assert probe(port) == 1
