#!/usr/bin/env python3
"""Another version of a schema, for tests in which versions mix: in a namespace of its own and, with --future, with fields
that nobody knows yet at the end of every table.

    derive_schema.py INPUT OUTPUT NAMESPACE [--future]
"""
import re
import sys

FUTURE = """
  future_number:uint64 = 7;
  future_flag:bool;
  future_text:string;
  future_list:[uint64];
"""

source, target, namespace = sys.argv[1:4]
with open(source, encoding="utf-8") as file:
    schema = file.read()
schema, replaced = re.subn(r"^namespace .*;$", f"namespace {namespace};", schema, flags=re.MULTILINE)
assert replaced == 1, "expected exactly one namespace"
if sys.argv[4:] == ["--future"]:
    schema, tables = re.subn(r"^(table \w+ \{.*?)^\}", rf"\1{FUTURE}}}", schema, flags=re.MULTILINE | re.DOTALL)
    assert tables != 0, "expected tables"
with open(target, "w", encoding="utf-8") as file:
    file.write(schema)
