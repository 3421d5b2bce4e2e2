"""What a PromQL expression refers to: metrics, the labels of their selectors, the labels that it groups and matches by.

No parser (promtool is one, and looks at every expression): a scan over tokens, which knows words that are followed by "(" or a
list (functions and aggregations), and lists of labels behind by, without, on, ignoring, group_left and group_right.
"""

import re
from typing import NamedTuple

_tokens = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_:][A-Za-z0-9_:]*|\[[^\]]*\]|\d[\w.]*|=~|!~|!=|[^\s\w]')
_lists = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_words = {"and", "or", "unless", "offset", "bool", "inf", "nan"}


class Selector(NamedTuple):
    metric: str
    matchers: list  # (label, operator, value)


def scan(expression):
    """(selectors, labels in lists) of an expression."""
    tokens = _tokens.findall(expression)
    selectors, listed, at = [], set(), 0
    while at < len(tokens):
        token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
        at += 1
        if not re.match(r"[A-Za-z_:]", token) or token.lower() in _words:
            continue
        if token in _lists:
            if following == "(":
                end = tokens.index(")", at)
                listed |= {each for each in tokens[at + 1:end] if each != ","}
                at = end + 1
        elif following == "{":
            end = tokens.index("}", at)
            inner = [each for each in tokens[at + 1:end] if each != ","]
            selectors.append(Selector(token, [(inner[i], inner[i + 1], inner[i + 2][1:-1]) for i in range(0, len(inner), 3)]))
            at = end + 1
        elif following != "(" and following not in _lists:
            selectors.append(Selector(token, []))
    return selectors, listed
