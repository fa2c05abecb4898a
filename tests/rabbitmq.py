"""A RabbitMQ node of our own, on loopback, that a test may kill, freeze and start again.

The distribution's `/usr/sbin/rabbitmq-server` is a wrapper that changes users; the script in `sbin` below
it runs as anybody, and with `RABBITMQ_ALLOW_INPUT` it becomes the Erlang machine itself, so that the
process we started is the one that we kill.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

#: Where packages put the server: Debian, the generic archive, Homebrew on both kinds of Mac.
PLACES = (
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "/opt/rabbitmq*/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
)

START_SECONDS = 120
STOP_SECONDS = 20


class NotInstalled(Exception):
    """There is no RabbitMQ on this machine."""


def find_sbin() -> Path:
    """The folder with the server's own scripts.

    Raises:
        NotInstalled: None of the usual places has it.
    """
    for place in PLACES:
        found = sorted(Path("/").glob(place.lstrip("/")))
        if found:
            return found[-1]
    raise NotInstalled(f"no RabbitMQ in {', '.join(PLACES)}: apt-get install rabbitmq-server")


class RabbitNode:
    """One node, with its own port, data, log and port mapper."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sbin = find_sbin()
        self.port, self._distribution_port, self._epmd_port = _free_ports(3)
        self._name = f"tagfleet{self.port}@localhost"
        self._server: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        self._write_files()
        self._environ = self._environment()

    def url(self, vhost: str = "/", *, user: str = "guest", password: str = "guest") -> str:
        """The address of one of its virtual hosts."""
        return f"amqp://{user}:{password}@127.0.0.1:{self.port}/{vhost.replace('/', '%2F')}"

    def start(self) -> None:
        """Start it, with the data that it has, and wait until it speaks AMQP."""
        self._start_epmd()
        with (self.folder / "console.log").open("ab") as console:
            self._server = self._spawn([str(self.sbin / "rabbitmq-server")], console)
        self._wait_until_it_speaks()

    @property
    def is_running(self) -> bool:
        """Whether its process lives, frozen or not."""
        return self._running().poll() is None

    def flush(self) -> None:
        """Have it write to disk what it knows of its queues.

        Without this, a quorum queue that was declared less than about two seconds before a kill is gone
        for good (seen on 3.10.8): the messages would be lost, by another fault than the one that is tested.
        """
        self.ctl("eval", "mnesia:sync_log(), [dets:sync(Table) || Table <- dets:all()].")

    def kill9(self) -> None:
        """Take it away at once."""
        server = self._running()
        server.kill()
        server.wait()

    def restart(self) -> None:
        """Start it again after a kill."""
        self.start()

    def freeze(self) -> None:
        """Stop it in the middle of what it does; connections stay open."""
        os.kill(self._running().pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self._running().pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it, and its port mapper."""
        for process in (self._server, self._epmd):
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def close_connections(self) -> None:
        """Have it close every client's connection."""
        self.ctl("close_all_connections", "--global", "a test wants it")

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl; returns what it printed."""
        done = subprocess.run(
            [str(self.sbin / "rabbitmqctl"), "-q", "-n", self._name, *arguments],
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {arguments[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def policy(self, url: str, pattern: str, definition: str) -> None:
        """Set a policy for the queues that the pattern fits, in the virtual host of the URL."""
        vhost = url.rpartition("/")[2].replace("%2F", "/")
        self.ctl("set_policy", "-p", vhost, "of-a-test", pattern, definition)

    def memory_alarm(self, *, on: bool) -> None:
        """Make it believe that it is short of memory: it blocks whoever publishes."""
        self.ctl("set_vm_memory_high_watermark", "absolute", "1" if on else "1GB")

    def add_vhosts(self, names: Sequence[str]) -> None:
        """Make virtual hosts that guest may use; one call for all, since each starts an Erlang machine."""
        listed = ",".join(f'<<"{name}">>' for name in names)
        self.ctl(
            "eval",
            f"[begin rabbit_vhost:add(V, <<>>), rabbit_auth_backend_internal:set_permissions("
            f'<<"guest">>, V, <<".*">>, <<".*">>, <<".*">>, <<>>) end || V <- [{listed}]].',
        )

    def _write_files(self) -> None:
        home = self.folder / "home"
        home.mkdir(parents=True)
        cookie = home / ".erlang.cookie"
        cookie.write_text(f"TAGFLEET{self.port}")
        cookie.chmod(0o400)
        (self.folder / "enabled_plugins").write_text("[].")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "num_acceptors.tcp = 2\n"
            "disk_free_limit.absolute = 50MB\n"
            "vm_memory_high_watermark.absolute = 1GB\n"
            "log.file.level = warning\n"
        )

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        loopback = "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2"
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": loopback,
        }

    def _start_epmd(self) -> None:
        # Without one, RabbitMQ starts a daemon that outlives it.
        if self._epmd and self._epmd.poll() is None:
            return
        epmd = shutil.which("epmd")
        assert epmd, "epmd, a part of Erlang, is not on the PATH"
        command = [epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1"]
        self._epmd = self._spawn(command, subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self._epmd_port, b""):
            assert time.monotonic() < deadline, "epmd does not listen"
            time.sleep(0.02)

    def _spawn(self, command: list[str], output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=self._environ,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )

    def _wait_until_it_speaks(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.port, b"AMQP\x00\x00\x09\x01"):
            code = self._running().poll()
            if code is not None or time.monotonic() > deadline:
                console = (self.folder / "console.log").read_text(errors="replace")
                raise RuntimeError(f"RabbitMQ did not start (exit code {code}):\n{console[-3000:]}")
            time.sleep(0.05)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._server, "the node was not started"
        return self._server


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _answers(port: int, greeting: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as peer:
            if not greeting:
                return True
            peer.settimeout(5)
            peer.sendall(greeting)
            return peer.recv(1) == b"\x01"  # a method frame: connection.start
    except OSError:
        return False


_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    # A test run that is killed must not leave a broker behind.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
