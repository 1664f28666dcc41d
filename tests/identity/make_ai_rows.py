"""Writes identity/ai_rows.py from the GS1 Syntax Dictionary kept under tests/fixtures/gs1/reference.

    python tests/identity/make_ai_rows.py

tests/identity/test_identity_files.py fails when the module and the dictionary differ.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DICTIONARY = ROOT / "tests/fixtures/gs1/reference/gs1-syntax-dictionary.txt"
MODULE = ROOT / "identity/ai_rows.py"

HEAD = '''"""All GS1 application identifiers, one a line: AI or range | flags | components | attributes | title.

Made by tests/identity/make_ai_rows.py from the GS1 Barcode Syntax Dictionary (github.com/gs1/gs1-syntax-dictionary,
commit ff2eb4bfc8f647aa3244626bdb875165d067a3e6, Apache-2.0, copyright GS1 AISBL); do not edit. The syntax of a line is
the dictionary's: flag * needs no FNC1, flag ? may be a Digital Link attribute.
"""

from __future__ import annotations

ROWS = """\\
'''


def rows(dictionary: str) -> list[str]:
    found: list[str] = []
    for line in dictionary.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        body, _, title = line.partition("#")
        words = body.split()
        flags = words.pop(1) if not words[1][0].isalnum() and words[1][0] != "[" else ""
        components = [word for word in words[1:] if "=" not in word and word != "dlpkey"]
        # dlpkey alternatives use | themselves; / stands for it in our rows.
        attributes = [word.replace("|", "/") for word in words[1:] if "=" in word or word == "dlpkey"]
        found.append("|".join([words[0], flags, " ".join(components), " ".join(attributes), title.strip()]).rstrip("|"))
    return found


def render(dictionary: str) -> str:
    return HEAD + "\n".join(rows(dictionary)) + '\n"""\n'


if __name__ == "__main__":
    MODULE.write_text(render(DICTIONARY.read_text(encoding="utf-8")), encoding="utf-8")
