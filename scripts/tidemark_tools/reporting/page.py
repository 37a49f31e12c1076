# SPDX-License-Identifier: BSD-3-Clause
"""The page around the sections: head, style, table of contents."""

import dataclasses
from pathlib import Path

from tidemark_tools.reporting.markup import element, escaped

STYLE = Path(__file__).with_name("style.css")


@dataclasses.dataclass
class Section:
    """A part of the page. `name` is its anchor, and `content` is HTML. A part without content is
    left out."""

    name: str
    title: str
    content: str

    def html(self):
        heading = element("h2", escaped(self.title), id=f"{self.name}-title")
        return element("section", f"{heading}\n{self.content}", id=self.name,
                       aria_labelledby=f"{self.name}-title")


def contents(sections):
    items = "".join(element("li", element("a", escaped(one.title), href=f"#{one.name}"))
                    for one in sections)
    return element("nav", element("ol", items), aria_label="Contents")


def page(title, head, sections):
    """A whole page. `head` is HTML before the table of contents."""
    sections = [one for one in sections if one.content]
    style = STYLE.read_text(encoding="utf-8")
    body = "\n".join([element("header", f"{element('h1', escaped(title))}\n{head}"),
                      contents(sections),
                      element("main", "\n".join(one.html() for one in sections))])
    return ("<!DOCTYPE html>\n"
            '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"{element('title', escaped(title))}\n{element('style', style)}\n</head>\n"
            f"{element('body', body)}\n</html>\n")
