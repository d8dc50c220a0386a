"""Whether a chat's settings make sense. There is no provider to ask: only what can be seen from here."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from channels.base import Finding, Surroundings
from channels.webchat.settings import WebchatInboxSettings

_FEW = 10
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")


async def probe(settings: WebchatInboxSettings, surroundings: Surroundings) -> Sequence[Finding]:
    """The secret, the sites, and whether a browser elsewhere finds the hub. Never raises."""
    return (_secret(settings), _origins(settings), _reached(surroundings))


def _secret(settings: WebchatInboxSettings) -> Finding:
    secret = settings.secret.get_secret_value()
    if len(set(secret)) < _FEW:
        hint = "make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        return Finding("secret", False, "it can be guessed: too few different characters", hint)
    return Finding("secret", True, f"{len(secret)} characters")


def _origins(settings: WebchatInboxSettings) -> Finding:
    if not settings.origins:
        return Finding("origins", True, "any site may open the chat", "name your sites in origins")
    plain = [one for one in settings.origins if one.startswith("http://") and urlsplit(one).hostname not in _LOOPBACK]
    if plain:
        return Finding("origins", False, f"{plain[0]} is not encrypted: its pages can be changed on the way", "use https")
    return Finding("origins", True, ", ".join(settings.origins))


def _reached(surroundings: Surroundings) -> Finding:
    if surroundings.webhook_url is None:
        hint = "set PAYVAND_PUBLIC_URL to the https address that the internet sees"
        return Finding("address", True, "browsers on this machine only", hint)
    if not surroundings.webhook_url.startswith("https://"):
        return Finding("address", False, "not encrypted: a page of https cannot open the chat", "put TLS before the hub")
    return Finding("address", True, surroundings.webhook_url.partition("/channels/")[0])
