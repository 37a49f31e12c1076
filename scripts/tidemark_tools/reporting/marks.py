# SPDX-License-Identifier: BSD-3-Clause
"""Marks beside a case, so that no reader takes its figures for others."""

from tidemark_tools.reporting.markup import element, escaped

EMULATED, PLANTED = "EMULATED", "PLANTED SLOW RANK"
MEANINGS = {EMULATED: "over a link that does not exist: a what-if, no figure of merit",
            PLANTED: "a rank was made slow on purpose, to test who notices"}


def of_case(case):
    """The marks of a case, in words."""
    found = {EMULATED: case.is_emulated, PLANTED: case.is_planted}
    return [word for word, holds in found.items() if holds]


def html(case):
    return " ".join(element("span", escaped(word), class_="mark", title=MEANINGS[word])
                    for word in of_case(case))
