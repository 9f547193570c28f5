"""`python -m portal.process NAME`: become one process of the Procfile, as systemd, containers and honcho start them.

Of several on one machine each has a number: `web-2` is another `web` that listens on the port after PORT.
"""

import os
import sys

from honcho.environ import parse_procfile

from portal.launch import BASE_DIR, load_environment


class NoSuchProcess(Exception):
    """Nothing of that name is in the Procfile; the text says what is."""


def command(name: str) -> tuple[str, dict[str, str]]:
    """The Procfile's command line of `web` or `web-2`, and what it wants changed in the environment.

    Raises NoSuchProcess.
    """
    processes = parse_procfile((BASE_DIR / "Procfile").read_text()).processes
    role, _, number = name.partition("-")
    if role not in processes or (number and not (number.isdecimal() and int(number))):
        known = ", ".join(processes)
        raise NoSuchProcess(f"There is no process {name!r}. There are: {known}; the second web is web-2.")
    if not number:
        return processes[role], {}
    # Celery knows its workers by name, and two of a machine must not have the same one.
    changes = {"PROCESS_NUMBER": number}
    if role == "web":
        changes["PORT"] = str(int(os.environ.get("PORT", "8000")) + int(number) - 1)
    return processes[role], changes


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m portal.process NAME")
    load_environment()
    try:
        line, changes = command(arguments[0])
    except NoSuchProcess as problem:
        sys.exit(str(problem))
    os.environ.update(changes)
    os.chdir(BASE_DIR)
    # beat keeps its schedule there
    (BASE_DIR / "var").mkdir(mode=0o700, exist_ok=True)
    # The shell fills in the variables and gives its place to the process, which gets the signals itself.
    os.execv("/bin/sh", ["/bin/sh", "-c", f"exec {line}"])  # noqa: S606 - a line of our own Procfile


if __name__ == "__main__":
    main(sys.argv[1:])
