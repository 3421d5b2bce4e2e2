#!/usr/bin/env python3
"""Every public name in include/starling must say what it is, in a comment of its own.

Usage: public_docs.py INCLUDE_DIR

A name is documented by `///` lines right above its declaration or by `///<` on the declaration's own lines. Looked at:
types, functions, constants, fields and enumerators, but not what is private, deleted or only declared ahead. A comment of
one word, or of the name's own words, says nothing. In the end each comment is taken away in turn, and the check must notice:
so it is not blind.
"""
import pathlib
import re
import sys

TOKEN = re.compile(r'///<?[^\n]*|//[^\n]*|/\*.*?\*/|^[ \t]*#[^\n]*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[A-Za-z_@]\w*@?|'
                   r"[0-9][\w'.]*|::|==|<=>|<=|>=|!=|->|&&|\|\||\s+|.", re.DOTALL | re.MULTILINE)


class Token:
    def __init__(self, text, line):
        self.text, self.line = text, line


class Header:
    """Reads one header. `problems`: a line for each name without a comment. `comments`: for each name, where it stands and the
    lines that document it."""

    def __init__(self, name, text):
        self.name, self.problems, self.names, self.comments = name, [], 0, []
        self.above, self.beside, self.used = {}, {}, set()
        self.tokens, self.at = [], 0
        line = 1
        for found in TOKEN.finditer(text):
            word = found.group()
            if word.startswith("///<"):
                self.beside[line] = word[4:].strip()
                self._continue_beside(text.splitlines(), line)
            elif word.startswith("///") and text.splitlines()[line - 1].lstrip().startswith("///"):
                self.above[line] = word[3:].strip()
            elif not (word.isspace() or word.startswith(("//", "/*")) or word.lstrip().startswith("#")):
                self.tokens.append(Token(word, line))
            line += word.count("\n")
        if not text.startswith("///"):
            self.problems.append(f"{name}:1: expected the file to begin with a few lines on what it is for")
        self._scope("namespace", is_public=True)

    def _continue_beside(self, lines, line):
        """clang-format breaks a long `///<` into further lines that begin with it."""
        first = line
        while line > 1 and lines[line - 1].lstrip().startswith("///<"):
            line -= 1
        if line != first:
            self.beside[line] = self.beside.get(line, "") + " " + self.beside[first]

    # --- declarations

    def _scope(self, kind, is_public):
        while self.at < len(self.tokens) and self.tokens[self.at].text != "}":
            if self.tokens[self.at].text in ("public", "private", "protected") and self.tokens[self.at + 1].text == ":":
                is_public = self.tokens[self.at].text == "public"
                self.at += 2
            else:
                self._declaration(is_public)

    def _declaration(self, is_public):
        begin = self.at
        words, depth = [], 0
        while self.at < len(self.tokens):
            text = self.tokens[self.at].text
            depth += (text == "(") - (text == ")")
            if depth == 0 and text in (";", "{"):
                break
            if depth == 0:
                words.append(text)
            self.at += 1
        first = self.tokens[begin].line
        if self.at == len(self.tokens):
            self.problems.append(f"{self.name}:{first}: expected the end of this declaration, found that of the file")
            return
        if self.tokens[self.at].text == ";":
            ahead = words[0] in ("struct", "class", "enum") and "=" not in words and len(words) <= 3
            self._finish(begin, is_public and not ahead and words[-2:] != ["=", "delete"] and words != [])
            return
        if "namespace" in words:
            self.at += 1
            self._scope("namespace", is_public)
            self.at += 1
            return
        if words[0] == "enum":
            self._note(begin, self.tokens[self.at].line, is_public)
            self._enumerators(is_public)
        elif words[0] in ("struct", "class", "union") and ")" not in words:
            self._note(begin, self.tokens[self.at].line, is_public)
            self.at += 1
            self._scope(words[0], is_public and words[0] != "class")
            self.at += 1
        else:
            is_function = ")" in [token.text for token in self.tokens[begin:self.at]] and "=" not in words
            self._skip_braces()
            if is_function:
                self._note(begin, self.tokens[self.at - 1].line, is_public)
                return
            while self.tokens[self.at].text != ";":  # an initialiser, perhaps of several parts
                if self.tokens[self.at].text == "{":
                    self._skip_braces()
                else:
                    self.at += 1
            self._finish(begin, is_public)
            return
        assert self.tokens[self.at].text == ";", f"{self.name}:{self.tokens[self.at].line}: expected `;` after a type"
        self.at += 1

    def _finish(self, begin, is_public):
        self._note(begin, self.tokens[self.at].line, is_public)
        self.at += 1

    def _skip_braces(self):
        depth = 0
        while True:
            depth += (self.tokens[self.at].text == "{") - (self.tokens[self.at].text == "}")
            self.at += 1
            if depth == 0:
                return

    def _enumerators(self, is_public):
        self.at += 1
        while self.tokens[self.at].text != "}":
            begin = self.at
            while self.tokens[self.at].text not in (",", "}"):
                self.at += 1
            self._note(begin, self.tokens[self.at - 1].line, is_public)
            if self.tokens[self.at].text == ",":
                self.at += 1
        self.at += 1

    # --- comments

    def _note(self, begin, last_line, is_public):
        if not is_public:
            return
        self.names += 1
        first_line = self.tokens[begin].line
        lines = []
        line = first_line - 1
        while line in self.above:
            lines.append(line)
            line -= 1
        said = " ".join(self.above[each] for each in reversed(lines))
        for line in range(first_line, last_line + 1):
            if line in self.beside and line not in self.used:
                said += " " + self.beside[line]
                lines.append(line)
                self.used.add(line)
                break
        declared = " ".join(token.text for token in self.tokens[begin:self.at + 1] if token.line == first_line)
        self.comments.append((first_line, lines))
        told = set(re.findall(r"[a-z]+", said.lower())) - {"the", "a", "an", "of", "is", "this"}
        own = set(re.findall(r"[a-z]+", declared.lower()))
        if len(re.findall(r"\w+", said)) < 2 or told <= own:
            self.problems.append(f"{self.name}:{first_line}: expected a comment that says what this is: {declared}")


def without(text, doc_lines):
    """The header without the comments in these lines, all other lines where they were."""
    lines = text.split("\n")
    for number in doc_lines:
        lines[number - 1] = re.sub(r"///.*", "//", lines[number - 1])
    return "\n".join(lines)


def check(include_dir):
    problems, names = [], 0
    for path in sorted(include_dir.rglob("*.hpp*")):
        text = path.read_text()
        header = Header(path.name, text)
        problems += header.problems
        names += header.names
        if header.problems:
            continue
        for declared_at, doc_lines in header.comments:
            if not any(f":{declared_at}:" in each for each in Header(path.name, without(text, doc_lines)).problems):
                problems.append(f"{path.name}:{declared_at}: the check does not miss this comment when it is gone")
    if names < 100:
        problems.append(f"expected more than 100 public names, found {names}: the check is blind")
    return problems, names


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found_problems, count = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found_problems) or f"all {count} public names are documented")
    sys.exit(1 if found_problems else 0)
