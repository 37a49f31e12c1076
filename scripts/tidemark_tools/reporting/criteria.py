# SPDX-License-Identifier: BSD-3-Clause
"""Verdicts of `tidemark check` on the files of the report."""

import os
import subprocess

from tidemark_tools.launch import Launch
from tidemark_tools.records.reader import InputError
from tidemark_tools.reporting.markup import element, escaped
from tidemark_tools.reporting.page import Section

VERDICTS = {0: ("good", "MET"), 1: ("invalid", "MISSED")}
LIMIT_S = 120


def checked(executable, path, criteria):
    """Status and table of `tidemark check`. Raises InputError where it gives no verdict."""
    launch = Launch(os.path.abspath(executable))
    try:
        result = launch.run(["check", path, "--criteria", criteria], capture_output=True, text=True,
                            timeout=LIMIT_S, check=False)
    except OSError as error:
        raise InputError(f"{executable}: cannot be run: {error.strerror}; name the tidemark that "
                         "checks criteria with --executable") from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{executable}: check took more than {LIMIT_S} s") from error
    if result.returncode not in VERDICTS:
        said = (result.stderr.strip() or "no reason given").splitlines()[-1]
        raise InputError(f"criteria: {said}")
    return result.returncode, result.stdout


def criteria(collection, executable, path):
    """The section, which is empty without a criteria file."""
    if path is None:
        return Section("criteria", "Acceptance criteria", "")
    parts = []
    for file in collection.files:
        status, text = checked(executable, file.path, path)
        kind, verdict = VERDICTS[status]
        words = element("strong", verdict, class_=kind)
        parts.append(element("h3", f"{escaped(file.label)}: {words}")
                     + element("pre", escaped(text.rstrip())))
    words = f"Of {path}, as tidemark check judges the records of each file."
    return Section("criteria", "Acceptance criteria", element("p", escaped(words)) + "".join(parts))
