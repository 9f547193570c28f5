"""The library by itself: it imports without the portal and without what only the portal needs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
NOT_ITS_OWN = (
    "django",
    "accounts",
    "portal",
    "celery",
    "channels",
    "redis",
    "authlib",
    "starlette",
    "trading.simulator",
)
# Refuses those, and imports each module of the library.
ALONE = f"""
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in {NOT_ITS_OWN!r}):
            raise ImportError(f"{{name}} is not the library's")

sys.meta_path.insert(0, Refuse())
import trading.tradovate as library

names = [found.name for found in pkgutil.walk_packages(library.__path__, library.__name__ + ".")]
for name in names:
    importlib.import_module(name)
library.RedisStore, library.MemoryStore()
print(len(names))
"""


def test_it_needs_nothing_of_the_portals() -> None:
    ran = subprocess.run([sys.executable, "-c", ALONE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) == sum(1 for _ in (ROOT / "trading" / "tradovate").rglob("*.py")) - 1


def test_the_manual_names_the_packages_that_it_needs() -> None:
    manual = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    imported: set[str] = set()
    for path in (ROOT / "trading" / "tradovate").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(str(node.module).partition(".")[0])
    packages = imported - set(sys.stdlib_module_names) - {"trading"}
    (installed,) = re.findall(r"^pip install (.*)$", manual, re.MULTILINE)
    (and_for_redis,) = re.findall(r"`(redis)` only for", manual)
    assert {re.split(r"[<>=]", one.strip("'\""))[0] for one in installed.split()} | {and_for_redis} == packages
