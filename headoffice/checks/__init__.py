"""Is what head office shows what the stores have? Checked every night, mended by replay, told once a week.

engine.py   one check, as a conversation: what to ask, what to compare, what to mend; pure
books.py    head office's side of it
part.py     the desk's part: when, how many at once, questions and answers
levels.py   the retained levels of one store, heard for as long as its check lasts
results.py  what checks found, in their table
report.py   the weekly report
texts.py    all of it in Korean and English
"""
