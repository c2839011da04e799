# Read by the interpreter when pip is asked what it would install: whatever would have to be built is not.
import os
import sys

STARTED = {
    "subprocess.Popen",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
}


def held(event, arguments):
    if event in STARTED:
        # An OSError, as of a program that is not there: pip looks for some, and does without them.
        raise PermissionError("wheelmark: nothing is started before it was verified")


sys.addaudithook(held)
with open(os.environ.pop("WHEELMARK_HELD"), "w"):
    pass
