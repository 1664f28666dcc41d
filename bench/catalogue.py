"""The catalogue at full size: import, look-ups against a bare SELECT, search, and resident memory.

    python bench/catalogue.py [ITEMS]       200,000 items with two GTINs each unless told

Ratios are taken in one run on one machine; absolute figures are for the record. Memory is measured in a process of
its own that has everything imported already, so that what is counted is opening and using the file.
"""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from agent.catalogue import Catalogue, import_file  # noqa: E402
from identity.check import gs1_digit  # noqa: E402

ITEMS = 200_000
LOOKUPS = 20_000
BARE = "SELECT item.sku, code.units, item.revision FROM code JOIN item ON item.id = code.item WHERE code.gtin = ?"


def code(indicator: int, number: int) -> str:
    """Made-up codes; neighbours in the file are far apart in the index, as in life."""
    payload = f"{indicator}880{number * 7_919 % 1_000_000_000:09d}"
    return payload + gs1_digit(payload)


def write_csv(path: Path, items: int) -> int:
    rows = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("sku,revision,name_ko,name_en,price_minor,currency,category,gtin,units,level\n")
        for number in range(1, items + 1):
            names = f"서울 우유 멸균 {number}호,Long-life milk no. {number}"
            file.write(f"S{number},1,{names},{number % 90_000},KRW,dairy,{code(0, number)},1,each\n")
            file.write(f"S{number},,,,,,,{code(1, number)},{number % 24 + 1},case\n")
            rows += 2
    return rows


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def timed(call: Callable[[str], object], keys: list[str]) -> tuple[float, float, float]:
    """Calls per second, median and 99th percentile in microseconds."""
    taken = []
    began = perf_counter()
    for key in keys:
        before = perf_counter()
        call(key)
        taken.append(perf_counter() - before)
    whole = perf_counter() - began
    taken.sort()
    return len(keys) / whole, taken[len(taken) // 2] * 1e6, taken[len(taken) * 99 // 100] * 1e6


def memory(path: Path, items: int) -> None:
    """In a process of its own: what opening costs, and what it costs after use."""
    keys = [code(number & 1, number * 37 % items + 1) for number in range(10_000)]
    before = rss_bytes()
    catalogue = Catalogue(path)
    hits = [catalogue.by_code(keys[0])]
    opened = rss_bytes()
    hits.extend(catalogue.by_code(key) for key in keys)
    looked_up = rss_bytes()
    catalogue.search("우유 77", 20)
    searched = rss_bytes()
    assert all(hits)
    catalogue.close()
    for name, value in (("open", opened), ("after 10,000 look-ups", looked_up), ("after a search", searched)):
        print(f"  RSS {name:<24} +{(value - before) / 1e6:.1f} MB (process {value / 1e6:.1f} MB)")


def main(items: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, path = Path(folder, "items.csv"), Path(folder, "catalogue.db")
        rows = write_csv(source, items)
        before = rss_bytes()
        catalogue = Catalogue(path)
        began = perf_counter()
        report = import_file(catalogue, source)
        took = perf_counter() - began
        assert report.added == items, report
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        grown = (peak - before) / 1e6
        print(f"import   {rows / took:>10,.0f} rows/s  {items / took:,.0f} items/s, {took:.1f} s, RSS +{grown:.1f} MB")
        began = perf_counter()
        assert import_file(catalogue, source).unchanged == items
        print(f"again    {rows / (perf_counter() - began):>10,.0f} rows/s  nothing changed")
        size = sum(part.stat().st_size for part in Path(folder).glob("catalogue.db*"))
        print(f"size     {size / 1e6:>10.1f} MB on disk")

        keys = [code(number & 1, number * 37 % items + 1) for number in range(LOOKUPS)]
        bare = sqlite3.connect(path)
        timed(catalogue.by_code, keys)  # both start with the file in the kernel's cache
        ours = timed(catalogue.by_code, keys)
        theirs = timed(lambda key: bare.execute(BARE, (int(key),)).fetchone(), keys)
        print(f"by_code  {ours[0]:>10,.0f} /s      p50 {ours[1]:.1f} us, p99 {ours[2]:.1f} us")
        print(f"SELECT   {theirs[0]:>10,.0f} /s      p50 {theirs[1]:.1f} us, p99 {theirs[2]:.1f} us")
        print(f"ratio    {ours[0] / theirs[0]:>10.2f}")
        bare.close()
        for query in ("우유 1234", "ㅅㅇㅇㅇ", "long-life", "없는것"):
            began = perf_counter()
            found = len(catalogue.search(query, 20))
            print(f"search   {(perf_counter() - began) * 1e3:>10.1f} ms      {query}: {found}")
        catalogue.close()
        subprocess.run([sys.executable, __file__, "--memory", str(path), str(items)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        memory(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ITEMS)
