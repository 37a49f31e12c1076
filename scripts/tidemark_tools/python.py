# SPDX-License-Identifier: BSD-3-Clause
"""Finds a Python that has what a script needs."""

import importlib.util
import os
import subprocess
import sys

from tidemark_tools.records.reader import InputError


def go_on_with(module, package):
    """Continues in a Python that has `module` (Debian's `package`) if this one does not have it.
    Debian's packages serve only /usr/bin/python3, and the python3 on PATH may be another one."""
    if importlib.util.find_spec(module):
        return
    for python in filter(None, (os.environ.get("TIDEMARK_PYTHON"), "/usr/bin/python3")):
        try:
            subprocess.run([python, "-c", f"import {module}"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        os.execvp(python, [python, *sys.argv])
    raise InputError(f"no Python here imports {module}: install {package}, or name one that does "
                     "in TIDEMARK_PYTHON")
