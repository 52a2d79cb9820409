"""Mistakes that a user can mend: one line that says what is wrong, exit code 2, no traceback."""

import os
import sys


class BadInput(Exception):
    """Something a user can mend: one line that says what is wrong, where, and what to do."""


def run(main, *args):
    """Call `main(*args)`. Bad input, a missing file, a full disk: one line, exit code 2."""
    # A console with an old code page shows a question mark where it lacks a letter, and goes on.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        result = main(*args)
        if processes():
            leave_together()
        return result
    except BadInput as error:
        line = str(error)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        line = f"{error.filename or 'file'}: {error.strerror or error}"
    except KeyboardInterrupt:
        sys.exit("\nstopped; go on with --resume")
    finally:
        if processes():
            processes().destroy_process_group()
    print(f"error: {line}", file=sys.stderr)
    sys.exit(2)


def moved(command):
    """End with one line that says what to type instead of an earlier edition's command."""
    words = " ".join([command, *sys.argv[1:]])
    print(f"error: this command is now: {words}", file=sys.stderr)
    sys.exit(2)


def processes():
    """torch.distributed, if this is one of several processes. What never imported torch never waits
    for it."""
    dist = sys.modules.get("torch.distributed")
    return dist if dist and dist.is_initialized() else None


def leave_together():
    """End a process of `torchrun` once all have done their part, and without Python's own shutdown,
    in which a thread of the process group that still runs would abort it."""
    processes().barrier()
    processes().destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
