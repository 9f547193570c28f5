"""`python -m portal.probe`: whether the web process of this machine answers, for a container's health check.

Light on purpose, as it runs every few seconds: no Django. The exit status is 0 when /health/ answers 200.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

PATIENCE = 5.0  # seconds


def main() -> int:
    allowed = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip("*").lstrip(".")
    port = int(os.environ.get("PORT") or "8000")
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        # Asked by a name that the portal goes by: others it does not answer.
        connection.request("GET", "/health/", headers={"Host": allowed or "127.0.0.1"})
        answer = connection.getresponse()
        sys.stdout.write(answer.read(500).decode(errors="replace") + "\n")
    except (OSError, HTTPException) as problem:
        sys.stdout.write(f"{type(problem).__name__}: {problem}\n")
        return 1
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
