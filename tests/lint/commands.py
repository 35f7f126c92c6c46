#!/usr/bin/env python3
"""commands.py BGDEPLOY [FILE]: prints docs/commands.md, the reference of all commands, as `--help` tells it. With FILE
it says whether that is the same."""
import pathlib
import re
import subprocess
import sys


def help_of(bgdeploy, *command):
    return subprocess.run([bgdeploy, *command, "--help"], stdin=subprocess.DEVNULL, capture_output=True, check=True,
                          encoding="utf-8").stdout


def page(bgdeploy):
    whole = help_of(bgdeploy)
    lines = ["# Every command", "",
             "What `--help` prints of each. [The command line](cli.md) says more of output, reports and variables.", "",
             "```console", "$ bgdeploy --help", whole.strip(), "```"]
    commands = whole[whole.index("Commands:"):whole.index("Options:")]
    for command in re.findall(r"^  ([a-z]+)", commands, re.M):
        text = re.sub(r"\nOptions of every command:\n.*?\n(?=\n|$)", "", help_of(bgdeploy, command), flags=re.S)
        lines += ["", f"## {command}", "", "```console", f"$ bgdeploy {command} --help", text.strip(), "```"]
    return "\n".join(lines) + "\n"


def main():
    bgdeploy, *files = sys.argv[1:]
    text = page(bgdeploy)
    if not files:
        print(text, end="")
        return 0
    if pathlib.Path(files[0]).read_text(encoding="utf-8") == text:
        return 0
    print(f"{files[0]} is not what --help says: tests/lint/commands.py BGDEPLOY >{files[0]}")
    return 1


sys.exit(main())
