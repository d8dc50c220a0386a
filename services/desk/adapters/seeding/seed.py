"""Puts an organisation into an empty hub: users of the desk, and what the router must know."""

import asyncio
import hashlib

from runtime.service import Kit
from runtime.unit import Unit
from schemas import topics
from schemas.base import EventData
from schemas.commands import ApplyPolicy, ConfigureAgent, ConfigureQueue
from schemas.domains import MAIN
from schemas.envelope import derived_id
from services.desk.adapters.http.session import hash_password
from services.desk.adapters.postgres.people import PostgresPeople
from services.desk.adapters.seeding.organisation import ORGANISATION, PASSWORD, Organisation, Person


async def seed_demo(kit: Kit, organisation: Organisation = ORGANISATION, password: str = PASSWORD) -> list[str]:
    """Create the users that are missing and tell the router of them; gives their logins, none when all were there.

    One transaction; the commands' ids hang on their content, so seeding again tells the router nothing new. A user that is
    there already keeps name, role and password.
    """
    missing = await _missing(kit, organisation)
    if not missing:
        return []
    hashes = {person.login: await asyncio.to_thread(hash_password, password) for person in missing}
    people = PostgresPeople()
    async with kit.transaction() as unit:
        added = [person for person in missing if await people.add(unit, _user(person, hashes[person.login]))]
        if added:
            domains = kit.settings.domains
            for domain in domains.names:
                for queue_id, name in organisation.queues.items():
                    _tell(unit, domain, ConfigureQueue(queue_id=queue_id, name=name))
                _tell(unit, domain, ApplyPolicy(version=organisation.version, text=organisation.policy))
            for person in added:
                _tell(unit, domains.of_teams(person.teams), _agent(person))
    return [person.login for person in added]


async def _missing(kit: Kit, organisation: Organisation) -> list[Person]:
    async with kit.reading() as unit:
        known = {row.agent_id for row in await unit.rows("SELECT agent_id FROM desk.users")}
    return [person for person in organisation.people if person.login not in known]


def _user(person: Person, password_hash: str) -> dict[str, str]:
    user = {"agent_id": person.login, "name": person.name, "role": person.role}
    return user | {"locale": person.locale, "password_hash": password_hash}


def _agent(person: Person) -> ConfigureAgent:
    skills = {f"lang.{language}": level for language, level in person.languages.items()} | dict(person.skills)
    return ConfigureAgent(agent_id=person.login, name=person.name, skills=skills, teams=person.teams, capacity=person.capacity)


def _tell(unit: Unit, domain: str, data: EventData) -> None:
    content = hashlib.sha256(data.write()).hexdigest()
    step = f"seed:{data.type}" if domain == MAIN else f"seed:{domain}:{data.type}"
    unit.emit(topics.ROUTING_COMMANDS, domain, data, id=derived_id(content, step))
