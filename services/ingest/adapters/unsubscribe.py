"""The page behind an unsubscribe link of a mail. It only asks: unsubscribing is the POST, which goes to the inbox."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from channels.email.settings import EmailInboxSettings
from channels.email.unsubscribing import HEADERS, PART, page, wish
from runtime.errors import NotFound


def router(forms: Mapping[str, EmailInboxSettings]) -> APIRouter:
    """`GET /channels/{inbox}/unsubscribe/{token}` of the email inboxes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(f"/channels/{{inbox}}/{PART}/{{token}}")
    async def ask(request: Request, inbox: str, token: str) -> HTMLResponse:
        """The page with the button. Raises NotFound for every link that does not hold."""
        form = forms.get(inbox)
        asked = wish(form, request.url.path) if form is not None else None
        if form is None or asked is None:
            raise NotFound("this link leads nowhere")
        return HTMLResponse(page(form, asked), headers=HEADERS)

    return routes
