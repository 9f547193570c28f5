"""`python -m portal.fresh_secrets`: new secrets as lines for .env, which a server's installation begins with."""

import base64
import secrets
import sys


def fresh_secrets() -> dict[str, str]:
    """What every installation needs and no two may share, by variable."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "TOKEN_KEYS": f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "SIMULATOR_CLIENT_SECRET": secrets.token_urlsafe(24),
    }


def main() -> None:
    """Print them, and a password for compose.yaml's PostgreSQL."""
    lines = fresh_secrets() | {"POSTGRES_PASSWORD": secrets.token_urlsafe(24)}
    sys.stdout.write("".join(f"{name}={value}\n" for name, value in lines.items()))


if __name__ == "__main__":
    main()
