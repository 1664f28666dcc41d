"""The generated table, and that no vector file is passed over."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from gs1_vectors import VECTORS
from make_ai_rows import DICTIONARY, MODULE, render

from identity.ai_table import table

HERE = Path(__file__).parent


def test_the_module_is_what_the_dictionary_says() -> None:
    assert MODULE.read_text(encoding="utf-8") == render(DICTIONARY.read_text(encoding="utf-8"))


def test_no_identifier_begins_another() -> None:
    specs = table()
    assert len(specs) > 500
    assert not [ai for ai in specs for size in (2, 3) if len(ai) > size and ai[:size] in specs]


def test_every_file_of_vectors_is_judged() -> None:
    judged = set()
    for path in HERE.glob("test_*.py"):
        judged |= set(re.findall(r'Tally\("([a-z0-9_]+)"\)', path.read_text(encoding="utf-8")))
    assert judged == {path.stem for path in VECTORS.glob("*.json")}


def test_import_is_cheap() -> None:
    """biip's prefixes cost 17 MB, our own tables a little; plain digits, control codes and tags load neither."""
    code = (
        "import sys, identity\n"
        "identity.identify('8801234567893'), identity.identify('STK-UNDO-3'), identity.identify('0212345012505')\n"
        "identity.identify_epc('3034257BF7194E4000001A85')\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'biip'], 'biip is loaded'\n"
        "assert 'identity.ai_rows' not in sys.modules, 'the table of identifiers is loaded'\n"
        "identity.identify('(01)08801234567893(10)A')\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'biip'], 'biip is loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE.parents[1], timeout=60)
