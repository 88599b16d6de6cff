"""Starts a worker's command once its outputs can be stored, and tells what stores them whether it
ended well.

Runs before the command as `python3 -c`, with the standard library of the worker's image alone.
Arguments: the names of the outputs, and the command. The containers of a pod share its network, and
so its abstract sockets: a line between two of them ends with either, however that ends.
"""

import os
import signal
import socket
import sys
import time
from contextlib import ExitStack, suppress
from types import FrameType

PATIENCE = 600.0
"""Seconds until what stores an output must be there: its image may have to be pulled."""
PAUSE = 0.05
"""Seconds between two looks whether it is."""
PASSED_ON = [signal.SIGTERM, signal.SIGINT]
"""What the first process of a container would pass over."""
UNHEARD = [signal.SIGPIPE, signal.SIGXFSZ]
"""What Python passes over, and what it starts would too."""


def line_to(name: str) -> socket.socket:
    """The line to what stores an output, once that knows that it can."""
    line, end = socket.socket(socket.AF_UNIX), time.monotonic() + PATIENCE
    while line.connect_ex(f"\0manor.dev/{name}"):
        if time.monotonic() > end:
            sys.exit(f"container {name}, which is to store what the command writes, is not there")
        time.sleep(PAUSE)
    if (said := line.recv(4096)) != b"1":
        why = said.decode(errors="replace") or f"container {name} has ended"
        sys.exit(f"the command is not run: {why}")
    return line


def run(command: list[str]) -> int:
    """The exit code of the command, as the first process of a container that passes signals on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # until there is one to pass them on to
    try:
        child = os.posix_spawnp(command[0], command, os.environ, setsigmask=[], setsigdef=UNHEARD)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")

    def pass_on(number: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    while True:
        ended, status = os.wait()  # also what lost its parent
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def main() -> None:
    """Run the command; its exit code is that of this process."""
    with ExitStack() as stack:
        lines = [stack.enter_context(line_to(name)) for name in sys.argv[1].split(",")]
        code = run(sys.argv[2:])
        for line in lines if code == 0 else ():
            with suppress(OSError):  # what is gone has failed the pod
                line.sendall(b"1")
    sys.exit(code)


if __name__ == "__main__":
    main()
