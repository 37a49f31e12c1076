"""Reads the records of a study: JSON lines, of which a writer that was killed damages the last."""

import json
import sys


class InputError(Exception):
    """What is wrong with the command line or a file: one line."""


def say(text):
    print(f"[scaling-study] {text}", file=sys.stderr)


def read(path):
    """The records of a file. A last line that is cut off is left out, and named; others are an error."""
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    records = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            records.append(json.loads(line))
        except ValueError as error:
            if number < len(lines):
                raise InputError(f"{path}:{number}: not a JSON record: {error}") from error
            say(f"{path}:{number}: left out: the line was cut off")
    return records
