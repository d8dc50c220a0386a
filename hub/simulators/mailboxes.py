"""The mailboxes that email inboxes fetch from, where they are told to fetch from the simulators."""

from typing import TYPE_CHECKING, Any

from runtime.settings import Settings

if TYPE_CHECKING:
    from hub.simulators.imap import ImapServer
    from hub.simulators.imap_folders import Account


def fetching(hub: Settings, port: int | None) -> dict[str, dict[str, Any]]:
    """The IMAP settings of the inboxes that fetch from 127.0.0.1 at this port, by address."""
    found = {str(inbox.settings.get("address", "")).lower(): inbox.settings.get("imap") for inbox in hub.inboxes}
    return {
        address: imap
        for address, imap in found.items()
        if port and isinstance(imap, dict) and (imap.get("host"), imap.get("port")) == ("127.0.0.1", port)
    }


def simulated_mailboxes(hub: Settings, port: int | None) -> "tuple[ImapServer, dict[str, Account]] | None":
    """A server with their accounts, and these by address; None where no inbox fetches from here."""
    inboxes = fetching(hub, port)
    if not inboxes:
        return None
    from hub.simulators.imap import ImapServer  # noqa: PLC0415 - few hubs fetch from here
    from hub.simulators.imap_folders import Account, Folder  # noqa: PLC0415

    def account(imap: dict[str, Any]) -> Account:
        folders = {str(name): Folder() for name in ("INBOX", *imap.get("folders", ()))}
        return Account(str(imap.get("password") or ""), folders=folders)

    accounts = {address: account(imap) for address, imap in inboxes.items()}
    return ImapServer({str(imap["username"]): accounts[address] for address, imap in inboxes.items()}), accounts
