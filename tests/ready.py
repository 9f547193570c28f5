"""`python -m tests.ready`: gets ready what tests need beside Python, while something else keeps another core busy.

Chromium is installed where it may be, and every test module is compiled once: processes that begin together would each
do it for themselves.
"""

import os
import shutil
import subprocess
import sys

from tests.browser import chromium


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command line's answer


def install_chromium() -> None:
    """Tries Debian's packages when no Chromium is there; the browser tests say so themselves when this was in vain."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}

    def apt_get(*arguments: str) -> bool:
        command = ["apt-get", "-qq", *arguments]
        return not subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    for package in (chromium.SHELL, chromium.WHOLE):
        if shutil.which(package):
            return
        say(f"Installing {package} for the browser tests ...")
        if apt_get("update") and apt_get("install", "-y", "--no-install-recommends", package):
            return
        say("It could not be installed.")


def compile_tests() -> None:
    """What is wrong with them is for the tests' own run to tell."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, "-m", "pytest", "--collect-only", "-q"], capture_output=True, check=False)


if __name__ == "__main__":
    install_chromium()
    compile_tests()
