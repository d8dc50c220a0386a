"""Write this deployment's secrets once, each into its own file; what is there already is kept.

Run by the compose file before anything else. `PAYVAND_SECRETS_DIR` is a volume; only containers that need the secrets mount it.
"""

import json
import os
import secrets
import sys
from pathlib import Path

GROUP_MAY_READ = 0o440


def write_once(file: Path, text: str) -> None:
    """Create the file with `text` unless it exists; never seen half written."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=GROUP_MAY_READ | 0o200)
    fresh.write_text(text)
    fresh.chmod(GROUP_MAY_READ)
    if not file.exists():
        fresh.rename(file)
    fresh.unlink(missing_ok=True)


def main(folder: Path, database_host: str) -> None:
    """The database's password, the URL with it, the key that signs and hashes, and a web chat inbox with a key of its own."""
    password_file = folder / "postgres_password"
    write_once(password_file, secrets.token_hex(24))
    password = password_file.read_text()
    write_once(folder / "payvand_database_url", f"postgresql+asyncpg://payvand:{password}@{database_host}/payvand")
    write_once(folder / "payvand_secret_key", secrets.token_urlsafe(48))
    chat = {"name": "chat", "channel": "webchat", "settings": {"secret": secrets.token_urlsafe(48)}}
    write_once(folder / "payvand_inboxes", json.dumps([chat]))


if __name__ == "__main__":
    if "PAYVAND_SECRETS_DIR" not in os.environ:
        sys.exit("PAYVAND_SECRETS_DIR is not set; it names the folder for the secret files")
    main(Path(os.environ["PAYVAND_SECRETS_DIR"]), os.environ.get("PAYVAND_DATABASE_HOST", "postgres:5432"))
