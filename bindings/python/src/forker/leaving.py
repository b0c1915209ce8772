"""What Python does at the exit of a process, for workers: they leave by _exit(2), which does not.

Executors and pools of the standard library end their processes and threads by functions that the interpreter calls when
it ends. Without them a worker that used one would leave its processes behind for good. Functions that the program has
registered in :mod:`atexit` are the host's, and are not called.
"""

from __future__ import annotations

import os
import sys


def end_pools() -> None:
    """Ends the executors, pools and child processes that this process has made, in the order of the interpreter."""
    _end_process_executors()
    threads = sys.modules.get("concurrent.futures.thread")
    if threads is not None:
        threads._python_exit()
    _end_children()


def _end_process_executors() -> None:
    processes = sys.modules.get("concurrent.futures.process")
    if processes is None:
        return
    for thread in list(processes._threads_wakeups):
        if not thread.is_alive():  # of the process that this one was forked off: its executor goes on there
            del processes._threads_wakeups[thread]
    processes._python_exit()


def _end_children() -> None:
    children = sys.modules.get("multiprocessing.process")
    if children is not None:  # those of the process that this one was forked off are not to be terminated here
        children._children.difference_update([c for c in children._children if c._parent_pid != os.getpid()])
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._exit_function()
