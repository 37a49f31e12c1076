# SPDX-License-Identifier: BSD-3-Clause
"""Messages of the commands."""

import sys


def speaker(command):
    """A function that prints a line on stderr, with the name of the command before it."""
    def say(text):
        print(f"[{command}] {text}", file=sys.stderr)
    return say
