"""Reads the YAML that Kubernetes manifests are written in: mappings, sequences and scalars, in blocks or in braces.

Python's library has no YAML, and a cluster that is to behave as the manifest says must read the manifest itself. What is
not needed there (anchors, tags, text over several lines) is refused by line, never guessed at.
"""

import re

_number = re.compile(r"-?[0-9]+$")
_flow_token = re.compile(r'\s*([{}\[\],]|"[^"]*"|\'[^\']*\'|[^{}\[\],]+)')
_key = re.compile(r'("[^"]*"|\'[^\']*\'|[^\s#\[\]{}"\'&*!|>%@`-][^:]*|-[^\s:][^:]*):(?:\s+(.*)|$)')


class YamlError(Exception):
    """What was expected and found, and where."""


def read(text, name):
    """The first document of `text`."""
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        bare = _without_comment(line)
        if bare == "---" and lines:
            break
        if bare.strip() and bare != "---":
            lines.append((number, len(bare) - len(bare.lstrip()), bare.lstrip()))
    return _Blocks(lines, name).read() if lines else None


def _without_comment(line):
    """A # begins a comment at the start or behind a space, unless a value has opened a quote before."""
    quote, before = None, " "
    for at, each in enumerate(line):
        if quote:
            quote = None if each == quote else quote
        elif each == "#" and before.isspace():
            return line[:at].rstrip()
        elif each in "\"'" and (before.isspace() or before in "{[,:"):
            quote = each
        before = each
    return line.rstrip()


class _Blocks:
    def __init__(self, lines, name):
        self._lines, self._name, self._at = lines, name, 0

    def read(self):
        value = self._block(self._lines[0][1])
        if self._at < len(self._lines):
            self._fail("a line no further to the right than the one before")
        return value

    def _block(self, indent):
        return self._sequence(indent) if self._is_item(self._lines[self._at][2]) else self._mapping(indent)

    @staticmethod
    def _is_item(text):
        return text == "-" or text.startswith("- ")

    def _here(self, indent):
        return self._at < len(self._lines) and self._lines[self._at][1] == indent

    def _sequence(self, indent):
        items = []
        while self._here(indent) and self._is_item(self._lines[self._at][2]):
            number, _, text = self._lines[self._at]
            rest = text[1:].lstrip()
            if not rest:
                self._at += 1
                items.append(self._below(indent))
            elif _key.match(rest) and rest[0] not in "{[":
                deeper = indent + len(text) - len(rest)
                self._lines[self._at] = (number, deeper, rest)
                items.append(self._mapping(deeper))
            else:
                items.append(self._inline(rest))
                self._at += 1
        return items

    def _mapping(self, indent):
        entries = {}
        while self._here(indent) and not self._is_item(self._lines[self._at][2]):
            found = _key.match(self._lines[self._at][2])
            if not found:
                self._fail("KEY: VALUE")
            key, rest = _scalar(found[1]), found[2]
            if key in entries:
                self._fail(f"each key once, not {key} again")
            if rest:
                entries[key] = self._inline(rest)
                self._at += 1
            else:
                self._at += 1
                entries[key] = self._below(indent)
        return entries

    def _below(self, indent):
        """What stands deeper than `indent`, or a sequence right at it, or nothing."""
        if self._at < len(self._lines):
            _, deeper, text = self._lines[self._at]
            if deeper > indent or (deeper == indent and self._is_item(text)):
                return self._block(deeper)
        return None

    def _inline(self, text):
        if text[0] in "&*!|>":
            self._fail("a value on this line, or below")
        if text[0] not in "{[":
            return _scalar(text)
        tokens = [token.strip() for token in _flow_token.findall(text)]
        if "".join(tokens).replace(" ", "") != text.replace(" ", ""):
            self._fail("a value in braces that ends on its line")
        value, end = self._flow(tokens, 0)
        if end != len(tokens):
            self._fail("nothing behind the brace")
        return value

    def _flow(self, tokens, at):
        closing = {"{": "}", "[": "]"}.get(tokens[at])
        if closing is None:
            return _scalar(tokens[at]), at + 1
        value = {} if closing == "}" else []
        at += 1
        while True:
            if at >= len(tokens):
                self._fail(f"a '{closing}' on this line")
            if tokens[at] == closing:
                return value, at + 1
            if tokens[at] == ",":
                at += 1
            elif closing == "]":
                item, at = self._flow(tokens, at)
                value.append(item)
            else:
                key, colon, rest = tokens[at].partition(":")
                if not colon:
                    self._fail("KEY: VALUE in the braces")
                at += 1
                if rest.strip():
                    value[key.strip()] = _scalar(rest.strip())
                else:
                    value[key.strip()], at = self._flow(tokens, at)

    def _fail(self, expected):
        number, _, text = self._lines[min(self._at, len(self._lines) - 1)]
        raise YamlError(f"{self._name}:{number}: expected {expected}, found: {text}")


def _scalar(text):
    if len(text) >= 2 and text[0] in "\"'" and text[-1] == text[0]:
        return text[1:-1]
    if _number.match(text):
        return int(text)
    return {"true": True, "false": False, "null": None, "~": None}.get(text, text)
