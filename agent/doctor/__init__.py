"""`jaego doctor`: `look*.py` gathers facts, `judge.py` makes findings of them, `texts.py` tells those to people."""
