"""translations.py FILE...: whether each PAGE.ko.md among the files holds what its PAGE.md holds.

In the same order: headings by their level, code blocks byte for byte, rows of tables, items of lists. In each section,
in any order, because languages differ in theirs: links, and what stands in backticks. A link to a page that has a
Korean form leads to that, and to the heading in the same place there. Each page names the other one in its third line.
The first difference of each page is told."""
import itertools
import re
import sys

from docs import Page, targets


def korean_form(path):
    return path.with_name(path.stem + ".ko.md")


def parts(page):
    """(line, what stands there) for all that has to be the same in the same order."""
    found = []
    for number, kind, text in page.blocks:
        found.append((number, f"a block of '{kind}'"))
        found += [(at, f"the line '{line}'") for at, line in enumerate(text.splitlines(), number + 1)]
    for number, line in enumerate(page.prose, 1):
        if heading := re.match(r"#+ ", line):
            found.append((number, f"a heading of level {len(heading[0]) - 1}"))
        elif line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line)) - 1
            found.append((number, f"a row of {cells} cells"))
        elif re.match(r" *(-|\d+\.) ", line):
            found.append((number, "an item of a list"))
    return [*sorted(found), (len(page.prose), "the end")]


def sections(page):
    """(line, text) from each heading to the next one."""
    starts = [number for number, line in enumerate(page.prose, 1) if re.match(r"#+ ", line)] + [len(page.prose) + 1]
    return [(start, "\n".join(page.prose[start - 1:end - 1])) for start, end in itertools.pairwise(starts)]


def codes(text):
    return {" ".join(code.split()) for code in re.findall(r"`[^`]+`", text)}


def translated(target, page, korean):
    """Where a link of the English page leads in its Korean form."""
    path, _, anchor = target.partition("#")
    if re.match(r"\w+:", path) or not (path.endswith(".md") or not path):
        return target
    there = page.path.parent / path if path else page.path
    if not korean_form(there).exists():
        return target
    other = korean if not path else Page(korean_form(there))
    if anchor:
        anchor = "#" + dict(zip(Page(there).anchors, other.anchors)).get(anchor, anchor)
    return (path[:-len(".md")] + ".ko.md" if path else "") + anchor


def difference(page, korean):
    """The first one, or nothing."""
    if page.prose[2:3] != [f"English | [한국어]({korean.path.name})"]:
        return f"{page.path}:3: not 'English | [한국어]({korean.path.name})'"
    if korean.prose[2:3] != [f"[English]({page.path.name}) | 한국어"]:
        return f"{korean.path}:3: not '[English]({page.path.name}) | 한국어'"
    page.prose[2] = korean.prose[2] = ""
    for (at, one), (there, other) in zip(parts(page), parts(korean)):
        if one != other:
            return f"{korean.path}:{there}: {other}\nwhere {page.path}:{at} has {one}"
    for (at, one), (there, other) in zip(sections(page), sections(korean)):
        wanted, found = sorted(translated(target, page, korean) for target in targets(one)), sorted(targets(other))
        if wanted != found:
            return f"{korean.path}:{there}: links to {found}\nwhere those of {page.path}:{at} come to {wanted}"
        if more := codes(one) ^ codes(other):
            return f"{korean.path}:{there}: {' '.join(sorted(more))} stands only here, or only in {page.path}:{at}"
    return ""


failed = False
for name in sys.argv[1:]:
    if name.endswith(".ko.md"):
        if said := difference(Page(name.removesuffix(".ko.md") + ".md"), Page(name)):
            print(said)
            failed = True
sys.exit(1 if failed else 0)
