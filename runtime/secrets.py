"""Secrets at rest: a value in payvand.toml may stand as a token that only PAYVAND_SECRET_KEY opens.

A token is `enc:v1:` and a Fernet token (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec) under a key derived from
the secret key by HKDF (RFC 5869). It protects the file: a copy of payvand.toml, in a repository or a backup, tells nothing.
It does not protect against who can read the secret key too.
"""

import base64
import re
from collections.abc import Sequence
from typing import Any, TypeGuard

from pydantic import SecretStr

from runtime.errors import Misconfigured

PREFIX = "enc:v1:"
MIN_KEY = 32
_TOKEN = re.compile(r"enc:v[0-9]+:")
_PURPOSE = b"payvand secrets at rest v1"


def is_token(value: object) -> TypeGuard[str]:
    """Whether a value of the settings is a token, of whatever version."""
    return isinstance(value, str) and _TOKEN.match(value) is not None


class SecretBox:
    """Makes and opens tokens. `keys` are secret keys, the one in force first; the others only open what older ones sealed."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._keys = tuple(key for key in keys if key.get_secret_value())

    def seal(self, secret: str) -> str:
        """A token of the secret under the key in force. Raises Misconfigured without a key of 32 characters."""
        token: bytes = self._fernet().encrypt(secret.encode())
        return PREFIX + token.decode()

    def open(self, token: str) -> SecretStr:
        """What was sealed. Raises Misconfigured, which names neither the token nor the secret."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - as below

        if not token.startswith(PREFIX):
            raise Misconfigured(
                "an encrypted value is of a version that is not known here", hint=f"{PREFIX}… is; is this hub older?"
            )
        try:
            return SecretStr(self._fernet().decrypt(token.removeprefix(PREFIX).encode()).decode())
        except InvalidToken:
            raise Misconfigured(
                "an encrypted value cannot be opened: it was changed, or sealed under another PAYVAND_SECRET_KEY",
                hint="make it anew with `payvand channels encrypt`, or put the older key into PAYVAND_PREVIOUS_SECRET_KEYS",
            ) from None

    def opened(self, value: Any) -> Any:
        """A copy of a value of payvand.toml in which every token, however deep, is a `SecretStr`.

        A form takes a `SecretStr` only where it asks for a secret: what was sealed cannot end in a field that is shown.
        """
        if is_token(value):
            return self.open(value)
        if isinstance(value, dict):
            return {name: self.opened(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.opened(inner) for inner in value]
        return value

    def _fernet(self) -> Any:
        # Loaded where a token is met: most hubs have none.
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

        if not self._keys or len(self._keys[0].get_secret_value()) < MIN_KEY:
            raise Misconfigured(
                f"encrypted values need a secret key of at least {MIN_KEY} characters",
                hint="set PAYVAND_SECRET_KEY, the same for all services",
            )

        def derived(key: SecretStr) -> Fernet:
            kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
            return Fernet(base64.urlsafe_b64encode(kdf.derive(key.get_secret_value().encode())))

        return MultiFernet([derived(key) for key in self._keys])
