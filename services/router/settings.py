"""What the router alone needs to know."""

from datetime import timedelta
from types import MappingProxyType

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.values import ChannelName
from services.router.domain.values import Terms


class RouterSettings(BaseSettings):
    """Environment `PAYVAND_ROUTER_…`. Costs are units of an agent's capacity (100 by default)."""

    model_config = SettingsConfigDict(env_prefix="PAYVAND_ROUTER_", extra="ignore")

    costs: dict[ChannelName, int] = {"call": 100, "webchat": 25, "sms": 25, "telegram": 25, "email": 10}
    other_cost: int = Field(default=25, ge=0)
    offer_seconds: float = Field(default=30, gt=0)
    refusal_rest_seconds: float = Field(default=60, gt=0)
    grace_seconds: float = Field(default=60, gt=0)

    def terms(self) -> Terms:
        """These settings as the machine takes them."""
        return Terms(
            costs=MappingProxyType(self.costs),
            other_cost=self.other_cost,
            offer_for=timedelta(seconds=self.offer_seconds),
            refusal_rest=timedelta(seconds=self.refusal_rest_seconds),
            grace=timedelta(seconds=self.grace_seconds),
        )
