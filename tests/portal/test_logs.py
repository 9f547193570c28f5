"""What the web process writes at its most talkative."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import websockets.sync.client as ws
from django.conf import settings


@pytest.mark.django_db(transaction=True)
def test_no_code_state_or_cookie_is_ever_logged(database_url: str, redis_url: str, tmp_path: Path) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "LOG_LEVEL": "DEBUG",
    }
    log = tmp_path / "web.log"
    listener = socket.create_server(("127.0.0.1", 0))
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    command = [sys.executable, "-m", "uvicorn", "portal.asgi:application", "--log-level", "debug"]
    command += ["--ws", "websockets-sansio", "--fd", str(listener.fileno())]
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, stdout=file, stderr=file, pass_fds=[listener.fileno()]
        ) as web,
    ):
        try:
            cookies = {"Cookie": "sessionid=COOKIE"}
            reply = httpx.get(
                f"http://{host}/accounts/sign-in/callback/?code=CODE&state=STATE", headers=cookies, timeout=90
            )
            assert reply.status_code == 400
            with ws.connect(f"ws://{host}/ws/desk/", origin=f"http://{host}", additional_headers=cookies) as page:
                assert "signed-out" in str(page.recv(30))
        finally:
            web.terminate()
            web.wait(30)
            listener.close()

    written = log.read_text()
    assert "Sign-in failed: OAuth: state" in written
    assert [secret for secret in ("CODE", "STATE", "COOKIE") if secret in written] == []
