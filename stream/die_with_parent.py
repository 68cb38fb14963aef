"""Become a command that ends with its parent: `python -I -S die_with_parent.py SIGNAL PARENT COMMAND…`.

Linux only; elsewhere the command just runs. The parent must call from its main thread: the kernel's
death signal follows the thread that started the child, and comes when that thread ends.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replace this process by the command; return only where the parent is gone already."""
    signal_number, parent, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    if sys.platform == "linux":
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
        # It may have ended before the line above took hold.
        if os.getppid() != parent:
            return
    try:
        os.execvp(command[0], command)  # noqa: S606 - that is what this script is for
    except OSError as exc:
        sys.exit(f"{command[0]}: {exc.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
