#!/usr/bin/env python3
"""Checks that each room includes, and links, only the rooms that the table in docs/architecture.md allows.

    tests/lint/rooms.py ROOT
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1]).resolve()
problems = []


def rows():
    text = (root / "docs/architecture.md").read_text()
    return re.findall(r"^\| `(\w+)/` \|[^|\n]*\| ([^|\n]*) \|$", text, re.M)


def may_know(words, rooms):
    if words == "nothing":
        return set()
    if words.startswith("all"):
        return rooms - set(re.findall(r"\w+", words.partition("but")[2]))
    return set(re.split(r", ", words))


rooms = {name for name, _ in rows()}
allowed = {name: may_know(words, rooms) for name, words in rows()}


def room_of(file):
    """The room that a file below src/ or include/bgdeploy/ belongs to; what lies in no room is the composition's."""
    parts = file.relative_to(root).parts
    below = parts[1:] if parts[0] == "src" else parts[2:]
    return below[0] if len(below) > 1 else "cli"


def target_of(file, name):
    """The room that an include leads to; None for a file that is not ours."""
    if match := re.match(r"bgdeploy/(\w+)/", name):
        return match.group(1)
    for folder in (file.parent, root / "src" / room_of(file), root / "src"):
        found = (folder / name).resolve()
        if found.exists() and found.is_relative_to(root):
            return room_of(found)
    return None


def check(where, room, target):
    if room not in rooms:
        problems.append(f"{where}: docs/architecture.md has no row for {room}/")
    elif target not in rooms:
        problems.append(f"{where}: docs/architecture.md has no row for {target}/")
    elif target != room and target not in allowed[room]:
        problems.append(f"{where}: {room}/ may not know {target}/ (docs/architecture.md)")


if not rooms:
    problems.append("docs/architecture.md: no table of rooms was found")
for name, words in allowed.items():
    for unknown in words - rooms:
        problems.append(f"docs/architecture.md: {name}/ may know {unknown}, which is no room")

includes = 0
for folder in ("include/bgdeploy", "src"):
    for file in sorted((root / folder).rglob("*.[ch]pp")):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if match := re.match(r'\s*#\s*include\s+"([^"]+)"', line):
                includes += 1
                if target := target_of(file, match.group(1)):
                    check(f"{file.relative_to(root)}:{number}", room_of(file), target)
if includes == 0:
    problems.append("no include was found")

makefile = root / "src/CMakeLists.txt"
if makefile.exists():
    for number, line in enumerate(makefile.read_text().splitlines(), 1):
        if match := re.match(r"bgdeploy_room\((\w+)(?: ROOMS ([\w ]+?))?(?: PRIVATE .*)?\)", line):
            for target in (match.group(2) or "").split():
                check(f"src/CMakeLists.txt:{number}", match.group(1), target)

print("\n".join(problems))
sys.exit(1 if problems else 0)
