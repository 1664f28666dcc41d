"""What a person should look at, over all stores: rules, what breaks them, who has it in hand, who is told.

rules.py      the rules, and which threshold holds for a store, category and SKU; pure
judging.py    figures against thresholds: raised, between, clear; pure
engine.py     what becomes of an alert; pure
figures.py    figures out of the tables, a slice at a time
jobs.py       the slices: what changed, what is over all stores, the hourly sweep
records.py    alerts and rules in their tables, and what is still to be told
part.py       the desk's part
notices.py    telling: topic and webhooks
webhook.py    one address that is told
texts.py      all of it in Korean and English
csv_rows.py   rules and totals of the tills from CSV
listing.py    alerts and rules as they are shown, and what people do with them
"""
