"""The form of a call inbox: one telephone line or PBX, told of by its logs or callbacks."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from channels.base import InboxSettings
from runtime.errors import Misconfigured
from schemas.values import QueueId

MEBIBYTE = 1024 * 1024
MAX_BODY = 4 * MEBIBYTE
OURS = "x-payvand-calls-secret"
"""The header by which the follower of the log and the import prove that they are of this deployment."""
FORMAT, ZONE, LAYOUT = "x-payvand-format", "x-payvand-zone", "x-payvand-mapping"
"""Headers by which an import may differ from the form; only what is verified is read at all."""

FormatName = Literal["queue_log", "asterisk-cdr", "asterisk-cdr-json", "freeswitch-json", "freeswitch-xml", "csv", "twilio"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=100)]
FieldName = Literal[
    "call_id", "began", "ended", "caller", "caller_name", "callee", "queue", "agent", "wait", "talk", "outcome", "direction",
    "recording",
]  # fmt: skip
Outcome = Literal["answered", "abandoned", "timeout", "no-agents", "left", "no-answer", "busy", "failed", "canceled", "unknown"]


class Layout(BaseModel):
    """How a table of calls is to be read: which column means what.

    `fields` names columns by their title or by number from 1; `call_id`, `began` and `caller` are needed. Without `columns`
    the first line of each file has the titles. `time` is `iso`, `epoch`, `epoch_ms` or a pattern of strptime. Words of
    `outcomes` and `directions` are compared without case; without a word for it a call that was talked on is answered.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    fields: Annotated[dict[FieldName, Text | int], Field(min_length=3)]
    """Which column each value stands in, by its title or its number from 1. `call_id`, `began` and `caller` are needed."""
    columns: Annotated[tuple[Text, ...], Field(max_length=200)] = ()
    """The titles of the columns, for files that do not begin with a line of titles."""
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    """What stands between two columns."""
    time: Annotated[str, StringConstraints(min_length=1, max_length=60)] = "iso"
    """How moments are written: `iso`, `epoch`, `epoch_ms` or a pattern of strptime."""
    durations: Literal["seconds", "milliseconds", "minutes", "clock"] = "seconds"
    """What waiting and talking are counted in; `clock` is 00:01:30."""
    outcomes: dict[str, Outcome] = {}
    """The PBX's words for how a call ended, and what each means. Case is ignored."""
    directions: dict[str, Literal["inbound", "outbound", "internal"]] = {}
    """The PBX's words for the direction of a call. Case is ignored."""

    @model_validator(mode="after")
    def _complete(self) -> "Layout":
        if missing := {"call_id", "began", "caller"} - self.fields.keys():
            raise ValueError(f"fields must name a column for {', '.join(sorted(missing))}")
        if self.columns and (
            unknown := [name for name in self.fields.values() if name not in self.columns and isinstance(name, str)]
        ):
            raise ValueError(f"columns do not have {unknown[0]!r}")
        return self

    @property
    def has_header(self) -> bool:
        """Whether the titles stand in each file's first line."""
        return not self.columns and any(isinstance(place, str) for place in self.fields.values())


class CallInboxSettings(InboxSettings):
    """One line.

    `files`: the log to follow, or a pattern such as /var/log/asterisk/cdr-csv/*.csv (for documents of FreeSWITCH: the folder
    or a pattern). `token`: what a PBX that posts over HTTP must show (bearer, basic password, `X-Payvand-Token` or
    `?token=`). `auth_token` is Twilio's. `zone` is the PBX's clock for formats with local times. Numbers of at most
    `extension_digits` digits are inside the house, as are `own_numbers`; `outside_prefix` is what agents dial first.
    """

    format: FormatName = "queue_log"
    """What the PBX writes or posts."""
    files: str | None = None
    """The log to follow, or a pattern such as /var/log/asterisk/cdr-csv/*.csv; for documents of FreeSWITCH their folder."""
    start: Literal["beginning", "end"] = "beginning"
    """Where to begin in a log that is seen for the first time."""
    token: SecretStr | None = None
    """What a PBX that posts over HTTP must show: at least 16 characters."""
    auth_token: SecretStr | None = None
    """Twilio's auth token, for format `twilio`."""
    secret: SecretStr = SecretStr("")
    """Proves that what was read from a log here is of this deployment."""
    zone: str = "UTC"
    """The PBX's clock, for formats with local times, such as Asia/Tehran."""
    encoding: Literal["utf-8", "cp1251", "cp1256", "koi8-r", "latin-1"] = "utf-8"
    """The character set of the files."""
    language: Literal["en", "fa", "ru"] | None = None
    """The language of who calls this line."""
    extension_digits: Annotated[int, Field(ge=0, le=8)] = 5
    """Numbers of at most so many digits are inside the house."""
    own_numbers: Annotated[tuple[Text, ...], Field(max_length=500)] = ()
    """Further numbers that are inside the house."""
    outside_prefix: Annotated[str, StringConstraints(pattern=r"^[0-9*#]{0,5}$")] = ""
    """What agents dial first to get a line to the outside."""
    queues: Mapping[str, QueueId] = {}
    """The PBX's queues, and the hub's queue that each stands for."""
    call_link: Annotated[str, StringConstraints(max_length=500)] = "tel:{number}"
    """What an agent clicks to call back; `{number}` stands for the number."""
    recording_url: Annotated[str, StringConstraints(max_length=500)] | None = None
    """Where a recording is listened to; `{call_id}` stands for the call."""
    columns: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    """The columns of an Asterisk CDR, where they are not the usual ones."""
    mapping: Layout | None = None
    """How to read a table of calls; needed for format `csv`."""
    mapping_file: Path | None = None
    """A YAML file that holds the mapping instead."""
    twilio_answered_by: Literal["dial", "call"] = "dial"
    """What tells that a call was answered: the leg that was dialled, or the call itself."""
    callback_hours: Annotated[float, Field(ge=0, le=24 * 365)] = 72
    """A missed call that began longer ago than so many hours makes no work."""
    settle_seconds: Annotated[float, Field(gt=0, le=3_600)] = 10
    """How long to wait for the rest of a call's records."""
    max_webhook_bytes: Annotated[int, Field(ge=1_024, le=MAX_BODY)] = MAX_BODY
    """The most that one request of the PBX may have."""
    limit_minutes: Annotated[float, Field(gt=0, le=7 * 24 * 60)] = 240
    """A call without an end is taken as it is after so long."""
    poll_seconds: Annotated[float, Field(ge=0.05, le=60)] = 0.5
    """The pause between two looks at the files."""

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("must be a time zone such as Asia/Tehran or Europe/Moscow") from error
        return value

    @field_validator("files")
    @classmethod
    def _files(cls, value: str | None) -> str | None:
        if value is not None and any(letter in str(Path(value).parent) for letter in "*?["):
            raise ValueError("a pattern may stand in the file's name only, such as /var/log/asterisk/cdr-csv/*.csv")
        return value

    @field_validator("call_link", "recording_url")
    @classmethod
    def _link(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"(https?|tel|sips?|callto):", value):
            raise ValueError("must begin with tel:, sip:, sips:, callto:, https: or http:")
        return value

    @field_validator("token")
    @classmethod
    def _token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("must have at least 16 characters")
        return value

    @model_validator(mode="after")
    def _fits(self) -> "CallInboxSettings":
        if self.format == "csv" and self.mapping is None and self.mapping_file is None:
            raise ValueError("format csv needs mapping or mapping_file")
        if self.format == "twilio" and self.files:
            raise ValueError("Twilio calls over HTTP; files does not go with it")
        return self

    @property
    def place(self) -> ZoneInfo:
        """The zone of the PBX's clock."""
        return ZoneInfo(self.zone)

    def layout(self) -> Layout:
        """The mapping, read from its file when it stands in one. Raises Misconfigured."""
        if self.mapping is not None:
            return self.mapping
        if self.mapping_file is None:
            raise Misconfigured("the inbox has no mapping", hint="set mapping or mapping_file")
        return read_layout(self.mapping_file)

    def proof(self) -> str | None:
        """The value of the header OURS; None in a deployment without a secret."""
        secret = self.secret.get_secret_value()
        if not secret:
            return None
        return hmac.new(secret.encode(), f"payvand calls v1\n{self.inbox}".encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=32)
def read_layout(path: Path) -> Layout:
    """A mapping file in YAML. Raises Misconfigured, naming what is wrong. Read once per process."""
    try:
        found: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Layout.model_validate(found)
    except OSError as error:
        raise Misconfigured(f"the mapping file {path} cannot be read ({type(error).__name__})") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "mapping"
        raise Misconfigured(f"the mapping file {path} is not right: {where}: {first['msg']}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise Misconfigured(f"the mapping file {path} is not YAML") from error
