"""A real Postfix and a real Dovecot on loopback, each with a configuration and folders of its own; the system's do not run.

Postfix takes mail for `shop.example` to our receiver (or to Dovecot) and mail for `customer.example` to Dovecot. Dovecot has
the accounts of `ACCOUNTS`, all with the password PASSWORD; mail to anybody else is refused. Both need root.
"""

import asyncio
import os
import pwd
import shutil
import smtplib
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from hub.simulators.imap import ImapServer
from hub.simulators.imap_folders import Account, Folder
from tests.local_parts import free_port

PASSWORD = "let-me-in-2026"
TOKEN = "ya29.let-me-in-too"
ACCOUNTS = ("support@shop.example", "sara@customer.example")

_DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = {ssl}
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_username_format = %Lu
recipient_delimiter = +
lmtp_save_to_detail_mailbox = no
mail_location = maildir:{folder}/mail/%Lu
first_valid_uid = 1
default_internal_user = dovecot
default_login_user = dovenull
maildir_stat_dirs = no
passdb {{
  driver = passwd-file
  args = username_format=%Lu {folder}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%Lu {folder}/users
  default_fields = uid={user} gid={group} home={folder}/mail/%Lu
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"""

_POSTFIX = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.shop.example
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
relay_domains = shop.example
relay_recipient_maps =
virtual_mailbox_domains = customer.example
virtual_mailbox_maps =
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
transport_maps = inline:{{ shop.example={shop} }}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
smtpd_peername_lookup = no
smtp_tls_security_level = none
lmtp_tls_security_level = none
smtpd_tls_security_level = none
mynetworks = 127.0.0.0/8
smtp_host_lookup = native
minimal_backoff_time = 5s
queue_run_delay = 5s
bounce_notice_recipient = nobody@shop.example
2bounce_notice_recipient = nobody@shop.example
"""

_MASTER = """
127.0.0.1:{smtp} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass
class Dovecot:
    """Where it listens, and how to look into it."""

    folder: Path
    imap: int
    lmtp: int

    def deliver(self, mail: EmailMessage | bytes, to: str = ACCOUNTS[0], folder: str = "") -> None:
        """Put a mail into an account: by LMTP, or straight into a folder of it."""
        content = mail if isinstance(mail, bytes) else mail.as_bytes()
        if folder:
            self.doveadm("mailbox", "create", "-u", to, folder, check=False)
            self.doveadm("save", "-u", to, "-m", folder, content=content)
        else:
            with smtplib.LMTP("127.0.0.1", self.lmtp) as client:
                client.sendmail("sara@customer.example", [to], content)

    def create(self, folder: str) -> None:
        """A folder for the first account."""
        self.doveadm("mailbox", "create", "-u", ACCOUNTS[0], folder)

    def clear(self) -> None:
        """The first account as if it were new."""
        for folder in ("Sales", "Done"):
            self.doveadm("mailbox", "delete", "-u", ACCOUNTS[0], folder, check=False)
        self.doveadm("expunge", "-u", ACCOUNTS[0], "mailbox", "INBOX", "all", check=False)

    def read(self) -> None:
        """A person reads all mails of the first account."""
        self.doveadm("flags", "add", "-u", ACCOUNTS[0], r"\Seen", "mailbox", "INBOX", "all")

    def kick(self) -> None:
        """Cut the first account's connections."""
        self.doveadm("kick", ACCOUNTS[0])

    def doveadm(self, *command: str, content: bytes | None = None, check: bool = True) -> str:
        """Run doveadm against this Dovecot."""
        asked = ["doveadm", "-c", str(self.folder / "dovecot.conf"), *command]
        return subprocess.run(asked, input=content, check=check, capture_output=True).stdout.decode()


@dataclass
class SimulatedMailbox:
    """The same from the simulator, which runs in a thread of its own. TOKEN opens the first account, too."""

    server: ImapServer
    loop: asyncio.AbstractEventLoop
    imap: int

    def deliver(self, mail: EmailMessage | bytes, to: str = ACCOUNTS[0], folder: str = "") -> None:
        """Put a mail into an account."""
        content = mail if isinstance(mail, bytes) else mail.as_bytes(policy=SMTP)
        self._run(lambda: self.server.accounts[to].folders.setdefault(folder or "INBOX", Folder()).add(content))

    def create(self, folder: str) -> None:
        """A folder for the first account."""
        self._run(lambda: self._account.folders.setdefault(folder, Folder()))

    def clear(self) -> None:
        """The first account as if it were new."""
        self._run(lambda: self._account.folders.update({"INBOX": Folder()}))
        for folder in ("Sales", "Done"):
            self._run(lambda folder=folder: self._account.folders.pop(folder, None))  # type: ignore[misc]

    def read(self) -> None:
        """A person reads all mails of the first account."""
        for mail in self._account.folders["INBOX"].mails.values():
            self._run(lambda mail=mail: setattr(mail, "flags", mail.flags | {r"\Seen"}))  # type: ignore[misc]
        self._run(self._account.folders["INBOX"].changed)

    def kick(self) -> None:
        """Cut all connections."""
        self._run(self.server.kick)

    @property
    def _account(self) -> Account:
        return self.server.accounts[ACCOUNTS[0]]

    def _run(self, work: Callable[[], object]) -> None:
        async def done() -> None:
            work()

        asyncio.run_coroutine_threadsafe(done(), self.loop).result(30)


@contextmanager
def simulated_mailbox() -> Iterator[SimulatedMailbox]:
    """A running simulator with the accounts of `ACCOUNTS`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = ImapServer({name: Account(PASSWORD, {TOKEN} if name == ACCOUNTS[0] else set()) for name in ACCOUNTS})
    port = asyncio.run_coroutine_threadsafe(server.start(0), loop).result(30)
    try:
        yield SimulatedMailbox(server, loop, port)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@dataclass
class Postfix:
    """Where it listens."""

    folder: Path
    smtp: int


def needed(*programs: str) -> None:
    """Skip, saying why, where the programs or the rights are missing; in CI that is a failure."""
    missing = [program for program in programs if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    why = f"not installed: {', '.join(missing)}" if missing else "needs root" if os.geteuid() else ""
    if why and os.environ.get("CI"):
        pytest.fail(f"CI must have Dovecot and Postfix: {why}")
    if why:
        pytest.skip(f"{why} (Debian: dovecot-imapd dovecot-lmtpd postfix)")


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    # Not pytest's tmp_path: the servers' own users must be able to walk there, and sockets need a short path.
    folder = Path(tempfile.mkdtemp(prefix=f"payvand-{name}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def dovecot(*, tls: bool = False) -> Iterator[Dovecot]:
    """A running Dovecot; with `tls` it has a certificate that nobody knows, by STARTTLS."""
    needed("dovecot", "doveadm")
    with _folder("dovecot") as folder:
        found = Dovecot(folder, free_port(), free_port())
        owner = pwd.getpwnam("mail")
        for name in ("mail", "run", "state"):
            (folder / name).mkdir()
        os.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
        (folder / "users").write_text("".join(f"{account}:{{PLAIN}}{PASSWORD}::::::\n" for account in ACCOUNTS))
        if tls:
            _certificate(folder)
        text = _DOVECOT.format(
            folder=folder, imap=found.imap, lmtp=found.lmtp, user=owner.pw_uid, group=owner.pw_gid, ssl="yes" if tls else "no"
        )
        if not tls:
            text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(("ssl_cert", "ssl_key")))
        (folder / "dovecot.conf").write_text(text)
        process = subprocess.Popen(["dovecot", "-F", "-c", str(folder / "dovecot.conf")], stderr=subprocess.DEVNULL)
        try:
            _listening(found.imap, process, folder / "dovecot.log")
            _listening(found.lmtp, process, folder / "dovecot.log")
            yield found
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def postfix(behind: Dovecot, shop: str) -> Iterator[Postfix]:
    """A running Postfix. `shop` is the transport for shop.example, such as `lmtp:inet:127.0.0.1:24`."""
    needed("postfix")
    with _folder("postfix") as folder:
        found = Postfix(folder, free_port())
        config = folder / "etc"
        config.mkdir()
        (folder / "queue").mkdir()
        (folder / "data").mkdir()
        shutil.chown(folder / "data", "postfix", "postfix")
        (config / "main.cf").write_text(_POSTFIX.format(folder=folder, lmtp=behind.lmtp, shop=shop))
        (config / "master.cf").write_text(_MASTER.format(smtp=found.smtp))
        (config / "dynamicmaps.cf").touch()
        command = ["postfix", "-c", str(config)]
        env = {**os.environ, "PATH": f"/usr/sbin:/sbin:{os.environ['PATH']}"}
        subprocess.run([*command, "check"], env=env, check=False, capture_output=True)
        process = subprocess.Popen([*command, "start-fg"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _listening(found.smtp, process, folder / "postfix.log")
            yield found
        finally:
            subprocess.run([*command, "stop"], env=env, check=False, capture_output=True)
            process.wait(20)


def _certificate(folder: Path) -> None:
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def _listening(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    import socket  # noqa: PLC0415

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    told = log.read_text()[-2_000:] if log.exists() else "it wrote no log"
    raise RuntimeError(f"nothing listens on {port}: {told}")
