"""A copy of the project to start things in, as on a machine of its own."""

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.conf import settings

NOT_COPIED = (".git", ".venv", "node_modules", "var", ".env*", "__pycache__", "tests", ".*_cache", "staticfiles")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project without anything that a start makes; the front-end assets are shared."""
    copy = tmp_path / "tradeport"
    shutil.copytree(settings.BASE_DIR, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    (copy / "node_modules").symlink_to(settings.BASE_DIR / "node_modules")
    return copy


@pytest.fixture
def health_server() -> Iterator[HTTPServer]:
    """Answers /health/ with its attribute `status`, and 400 to a name that it does not go by, as Django does."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            knows_name = self.headers["Host"] == "desk.example.com"
            self.send_response(self.server.status if knows_name and self.path == "/health/" else 400)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    server.status = 200
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
