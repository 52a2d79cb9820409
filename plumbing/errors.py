"""Mistakes that a user can mend: one line that says what is wrong, exit code 2, no traceback."""

import os
import sys
import threading

from plumbing.console import open_streams

TIED = "ENDS_WITH_PARENT"  # set for a stage that another one started
INTERRUPTED = 130  # the exit code after Ctrl-C, as shells have it
# What is said after Ctrl-C: of a run that has saved something to go on from; of a command that made
# another stage's files on its way; of one that keeps what people judge; and of all others.
GO_ON = "stopped; go on with --resume"
AGAIN = "stopped; the same command goes on from what is saved"
KEPT = "stopped; what was judged is kept, and the same command goes on after it"
ANEW = "stopped before anything was saved; the same command begins anew"
stopped = [ANEW]
child = [False]  # did another stage start this one, as a missing input of its own?


class BadInput(Exception):
    """Something a user can mend: one line that says what is wrong, where, and what to do."""


class Done(Exception):
    """There is nothing to do: one line that says so, exit code 0."""


def interrupted_early(kind, error, trace):
    """What is shown of an error that nobody caught: of Ctrl-C, while torch still loads, a line."""
    if issubclass(kind, KeyboardInterrupt):
        tell_stopped()
    else:
        sys.__excepthook__(kind, error, trace)


def tell_stopped():
    """One line after Ctrl-C. A stage that another one started was stopped with it, which tells; of
    several processes the first does."""
    if first_process() and not (child[0] or TIED in os.environ):
        print(f"\n{stopped[0]}", file=sys.stderr)


def one_line(error):
    """An exception's message in one short line."""
    return " ".join(str(error).split())[:100] or type(error).__name__


def end_with_parent():
    """Wait for the end of standard input, whose other end the parent holds, and end: nobody is left
    to use what this process makes."""
    while os.read(0, 1):
        pass
    os._exit(2)


def run(main, *args):
    """Call `main(*args)`. Bad input, a missing file, a full disk: one line, exit code 2."""
    open_streams()
    if os.environ.pop(TIED, ""):
        child[0] = True
        threading.Thread(target=end_with_parent, daemon=True).start()
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
    except Done as word:
        print(word)
        return None
    except MemoryError as error:
        line = f"not enough memory ({one_line(error)}); make the model, batch or data smaller"
    except RuntimeError as error:  # torch has no better name for it on a CPU
        if "allocate memory" not in str(error) and "out of memory" not in str(error):
            raise
        line = f"not enough memory ({one_line(error)}); make the model, batch or data smaller"
    except KeyboardInterrupt:
        tell_stopped()
        sys.exit(INTERRUPTED)
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


def first_process():
    """Is this the one process, or the first of those that `torchrun` started?"""
    return int(os.environ.get("RANK", 0)) == 0


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
