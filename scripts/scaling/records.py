"""Reads the records of a study, as all scripts read records."""

import sys

from plotting import records
from plotting.records import InputError, Remarks

__all__ = ["InputError", "Remarks", "read", "say"]


def say(text):
    print(f"[scaling-study] {text}", file=sys.stderr)


def read(path, remarks=None):
    """The records of a file, in the words of version 2. A last line that is cut off is left out, and named;
    others are an error."""
    return [record.data for record in records.read_each(path, remarks or Remarks(say))]
