"""The present states of all routing domains, for whoever asks this process."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from runtime.errors import Refused
from runtime.unit import Unit
from schemas.domains import MAIN
from services.router.domain.state import State
from services.router.handlers import Router

Transaction = Callable[[], AbstractAsyncContextManager[Unit]]


class States:
    """A domain that this process owns is answered for from memory, any other as it was recorded a second ago at the most.

    The states are not to be changed.
    """

    def __init__(self, routers: Sequence[Router], transaction: Transaction) -> None:
        self._routers = {router.domain: router for router in routers}
        self.transaction = transaction

    @property
    def names(self) -> tuple[str, ...]:
        """The domains."""
        return tuple(self._routers)

    async def of(self, domain: str = MAIN) -> State:
        """The state of one domain. Raises Refused when there is none of this name."""
        router = self._routers.get(domain)
        if router is None:
            hint = f"one of {', '.join(self._routers)}"
            raise Refused(f"there is no routing domain {domain!r}", field="domain", hint=hint)
        if router.epoch is not None:
            return router.state
        async with self.transaction() as unit:
            return await router.look(unit)

    async def all(self) -> dict[str, State]:
        """The states of all domains, by name."""
        return {name: await self.of(name) for name in self._routers}
