"""What the router alone needs to know."""

from datetime import timedelta
from types import MappingProxyType

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.values import ChannelName, DomainName
from services.router.domain.values import Terms


class RouterSettings(BaseSettings):
    """Environment `PAYVAND_ROUTER_…`. Costs are units of an agent's capacity (100 by default); see domain/values.py: Terms.

    `late_grace_seconds` is for channels that are not live, `greeting_seconds` the time to a customer's first word,
    `update_seconds` the time between further ones; None for never.
    """

    model_config = SettingsConfigDict(env_prefix="PAYVAND_ROUTER_", extra="ignore")

    costs: dict[ChannelName, int] = {"call": 100, "webchat": 25, "sms": 25, "telegram": 25, "email": 10}
    other_cost: int = Field(default=25, ge=0)
    offer_seconds: float = Field(default=30, gt=0)
    refusal_rest_seconds: float = Field(default=60, gt=0)
    grace_seconds: float = Field(default=60, gt=0)
    late_grace_seconds: float | None = Field(default=None, gt=0)
    interrupts: dict[ChannelName, frozenset[ChannelName]] = {"call": frozenset({"email"})}
    caps: dict[ChannelName, int] = {}
    auto_accept: frozenset[ChannelName] = frozenset()
    wrap_up_seconds: dict[ChannelName, float] = {}
    greeting_seconds: float | None = Field(default=30, gt=0)
    update_seconds: float | None = Field(default=None, gt=0)
    home: frozenset[DomainName] = frozenset()
    """Routing domains that this process takes as soon as they are free. Empty: all."""
    away_seconds: float = Field(default=3, ge=0)
    """Another domain it takes when it has seen it free for so long: a process that is started again there comes first."""

    def terms(self) -> Terms:
        """These settings as the machine takes them."""
        return Terms(
            costs=MappingProxyType(self.costs),
            other_cost=self.other_cost,
            offer_for=timedelta(seconds=self.offer_seconds),
            refusal_rest=timedelta(seconds=self.refusal_rest_seconds),
            grace=timedelta(seconds=self.grace_seconds),
            late_grace=_time(self.late_grace_seconds),
            interrupts=MappingProxyType(self.interrupts),
            caps=MappingProxyType(self.caps),
            auto_accept=self.auto_accept,
            wrap_up=MappingProxyType({channel: timedelta(seconds=time) for channel, time in self.wrap_up_seconds.items()}),
            greet_after=_time(self.greeting_seconds),
            update_every=_time(self.update_seconds),
        )


def _time(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
