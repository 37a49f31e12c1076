# SPDX-License-Identifier: BSD-3-Clause
"""Reads the table of `tidemark collectives`."""


def collective_rows(text):
    """The rows of the table as {(operation, algorithm, place): {bytes: seconds}}."""
    rows = {}
    for line in text.splitlines()[3:]:
        size, operation, algorithm, place, microseconds, *_ = line.split()
        rows.setdefault((operation, algorithm, place), {})[int(size)] = float(microseconds) * 1e-6
    return rows
