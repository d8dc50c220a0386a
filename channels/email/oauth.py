"""Access tokens for mailboxes without passwords (RFC 6749). Nothing is kept: a token is asked for at each login."""

import httpx

from channels.email.settings import OAuthSettings
from runtime.errors import Misconfigured, Transient


def access_token(oauth: OAuthSettings, timeout: float) -> str:
    """A fresh token; blocking. Raises Misconfigured when it is refused, Transient when the server is out of reach."""
    asked = {"client_id": oauth.client_id, "scope": oauth.scope}
    if oauth.client_secret is not None:
        asked["client_secret"] = oauth.client_secret.get_secret_value()
    if oauth.refresh_token is not None:
        asked |= {"grant_type": "refresh_token", "refresh_token": oauth.refresh_token.get_secret_value()}
    else:
        asked["grant_type"] = "client_credentials"
    try:
        answer = httpx.post(oauth.token_url, data={name: value for name, value in asked.items() if value}, timeout=timeout)
        token = answer.json().get("access_token") if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        raise Transient(f"no access token ({type(error).__name__})") from error
    if answer.status_code >= 500 or answer.status_code == 429:
        raise Transient(f"the token server answered {answer.status_code}")
    if not isinstance(token, str) or not token or not token.isascii():
        raise Misconfigured(
            f"the token server answered {answer.status_code} and gave no token", hint="check [settings.imap.oauth]"
        )
    return token
