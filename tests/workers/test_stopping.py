"""A process that is told to stop notices it, also when it was frozen a moment before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

#: Threads that are busy as a worker's are; the main one waits.
WORKER = """
import threading, time
from tagfleet.workers.stopping import until_stopped, wait_until

def work():
    while True:
        time.sleep(0.001)

for _ in range(10):
    threading.Thread(target=work, daemon=True).start()
with until_stopped() as stopping:
    print("up", flush=True)
    wait_until(stopping)
print("stopped", flush=True)
"""

#: Without a wait that wakes by itself, one in two of these never ended.
FREEZES = 8


def test_a_process_that_was_frozen_notices_that_it_is_to_stop() -> None:
    for _ in range(FREEZES):
        # Given a process that was stopped in the middle of its work
        with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE) as process:
            assert process.stdout
            try:
                assert process.stdout.readline() == b"up\n"
                process.send_signal(signal.SIGSTOP)
                os.waitpid(process.pid, os.WUNTRACED)
                # When it goes on, and is told to stop at the same moment
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
                # Then it ends
                assert process.stdout.readline() == b"stopped\n"
                assert process.wait(60) == 0
            finally:
                process.kill()
