"""width.py FILE...: names every line of Markdown and code that is wider than 120 columns.

A line may be wider where it cannot be broken: a row of a Markdown table, a block of Markdown that shows output, a URL,
or one long word. What is wide in a terminal counts as two columns, such as Hangul.
"""
import re
import sys
import unicodedata

WIDEST = 120


def columns(line):
    return len(line) + sum(unicodedata.east_asian_width(character) in "WF" for character in line)


failed = False
for name in sys.argv[1:]:
    markdown, shown = name.endswith(".md"), False
    with open(name, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if markdown and re.match(r"\s*```", line):
                shown = not shown
            if columns(line) <= WIDEST or shown or (markdown and line.lstrip().startswith("|")):
                continue
            if re.search(r"https?://\S{60}", line) or re.fullmatch(r"\W*\S+", line):
                continue
            print(f"{name}:{number}: {columns(line)} columns, {WIDEST} at most")
            failed = True
sys.exit(1 if failed else 0)
