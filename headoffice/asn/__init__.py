"""Advance ship notices as suppliers send them: a table with a row for each line, in anybody's columns.

    texts.py      what can be wrong with a cell, in Korean and English
    columns.py    what columns are called, and a map for those that are called otherwise
    table.py      bytes to rows: encoding, delimiter, where the header is
    units.py      how many base units a row is, by the item master
    reading.py    rows to documents; everything that is wrong, with its line and column
    importing.py  documents into the database: what is new, what changed

All but importing.py are pure.
"""
