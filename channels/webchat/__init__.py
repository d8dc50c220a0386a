"""Web chat: a widget of one script tag, a WebSocket with resume. See README.md."""

from channels.base import Channel
from channels.webchat.inbound import WebchatInbound
from channels.webchat.outbound import WebchatOutbound
from channels.webchat.probing import probe
from channels.webchat.settings import WebchatInboxSettings
from schemas.values import IdentifierType

WEBCHAT = Channel("webchat", WebchatInboxSettings, WebchatInbound, WebchatOutbound, IdentifierType.VISITOR, probe=probe)
