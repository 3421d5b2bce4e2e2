#!/usr/bin/env python3
"""Joins the status page's parts into one HTML document, and writes that as C++.

    embed.py OUTPUT PAGE.html STYLE.css SCRIPT.js...

The page has one place for the style, @@STYLE@@, and one for the script, @@SCRIPT@@: all scripts in the order given, in one
strict function of their own. Whatever is in them must not end their element. The Content-Security-Policy allows these two
by their hashes and nothing else, so a text that slips into the page as markup does not run.
"""

import base64
import hashlib
import pathlib
import sys

bytes_a_line = 24


def policy_hash(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def policy(style, script):
    return "; ".join((
        "default-src 'none'", f"script-src {policy_hash(script)}", f"style-src {policy_hash(style)}", "connect-src 'self'",
        "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"))


def put(page, place, text):
    if page.count(place) != 1:
        sys.exit(f"expected {place} once in the page, found it {page.count(place)} times")
    return page.replace(place, text)


def join(page, style, scripts):
    """(the document, its policy)"""
    script = '"use strict";\n(() => {\n' + "\n".join(scripts) + "})();\n"
    for text, end in ((style, "</style"), (script, "</script"), (script, "<!--")):
        if end in text.lower():
            sys.exit(f"expected no {end} in the page's parts, found one")
    return put(put(page, "@@STYLE@@", style), "@@SCRIPT@@", script), policy(style, script)


def cpp(html, rule):
    data = html.encode()
    lines = (", ".join(str(byte) for byte in data[start:start + bytes_a_line]) for start in range(0, len(data), bytes_a_line))
    rows = ",\n    ".join(lines)
    etag = hashlib.sha256(data + rule.encode()).hexdigest()[:16]
    return f'''// Written by page/embed.py.
#include "http/embedded_page.hpp"

namespace starling::http {{
namespace {{

constexpr unsigned char page[] = {{
    {rows}}};

}}  // namespace

const EmbeddedPage embedded_page{{
    .html = std::string_view(reinterpret_cast<const char*>(page), sizeof page),
    .etag = R"("{etag}")",
    .policy = R"({rule})",
}};

}}  // namespace starling::http
'''


def main(output, page, style, *scripts):
    texts = [pathlib.Path(path).read_text(encoding="utf-8") for path in (page, style, *scripts)]
    pathlib.Path(output).write_text(cpp(*join(texts[0], texts[1], texts[2:])), encoding="ascii")


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit("usage: embed.py OUTPUT PAGE.html STYLE.css SCRIPT.js...")
    main(*sys.argv[1:])
