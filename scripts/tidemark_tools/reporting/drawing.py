# SPDX-License-Identifier: BSD-3-Clause
"""Matplotlib figures inside a page, as SVG whose names no other figure has."""

import io
import re

from tidemark_tools.reporting.markup import element, escaped

# References to an element by its id, and the ids themselves.
REFERENCE = re.compile(r'(?<=\bid=")|(?<=href="#)|(?<=url\(#)')
UNUSED = re.compile(r"<metadata>.*?</metadata>|<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->", re.DOTALL)


def inline_svg(figure, name, words):
    """The figure as an SVG element. `words` describe it for readers who cannot see it."""
    with io.StringIO() as file:
        figure.savefig(file, format="svg", metadata={"Date": None})
        text = UNUSED.sub("", file.getvalue()).strip()
    text = REFERENCE.sub(f"{name}-", text)
    # The namespace names are identifiers, which are not needed in HTML.
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href=", "href=")
    return text.replace("<svg", f'<svg role="img" aria-label="{escaped(words)}"', 1)


def figure_html(figure, name, words, caption):
    """A figure of the page: the drawing and its caption, which is HTML."""
    return element("figure", inline_svg(figure, name, words) + element("figcaption", caption),
                   id=f"figure-{name}")
