"""docs.py BGDEPLOY ROOT OUT FILE...: whether what the Markdown files show works, and what they link to exists.

The word behind ``` says what a block is, and what it has to pass. A block without one of these words is an error.

  sh, console     shellcheck, and every bgdeploy command line in it is one that the program takes. `sh server` and
                  `sh desk` say where the README's steps are typed (tests/e2e/readme_test.cpp). In `console` the lines
                  behind `$ ` are commands, and the others what was printed
  yaml            a spec, or some of its keys: `bgdeploy validate`. A workflow, or steps of one: written to
                  OUT/.github/workflows, for actionlint. `yaml NAME` is a file by that name; a compose file: `config`
  json            JSON, as a whole or line by line
  nginx           `nginx -t`, in a server block where it has none
  groovy          a Jenkins pipeline: written to OUT/Jenkinsfile-…, for groovy-lint
  sudoers         `visudo -c`
  text            a drawing, or what was printed, without commands

In the text, code that begins with `bgdeploy` is a command line too. The messages that docs/troubleshooting.md explains
are in the sources, the errors of the sources that name a next step in docs/troubleshooting.md, and the variables that
the sources read in docs/cli.md. The README has each command and exit code of `--help`, docs/README.md each page."""
import html
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import yaml

BASE = {
    "service": "shop", "image": "example/shop", "hosts": {"app": ["deploy@web-1.example.com"]},
    "slots": {"blue": 8081, "green": 8082}, "docker": {"container_port": 8080}, "health": {"http": {"path": "/health"}},
    "proxy": {"nginx": {"include": "/etc/nginx/bgdeploy/shop.inc"}},
}
WORKFLOW = {"name": "x", "on": "push", "permissions": {}, "jobs": {"x": {"runs-on": "ubuntu-latest", "steps": []}}}
# Fine in what a person types: values in single quotes that are not for the shell; cd without an answer to its failure.
NOT_IN_DOCS = "SC2016,SC2164,SC2148,SC2034"

# Messages with a next step that docs/troubleshooting.md does not explain, and why.
NEED_NO_ROW = {
    # Of the command line: the next step says all there is to say.
    "--preflight needs the tag of the deploy": "usage",
    "say what to deploy: --tag T or --digest sha256:…": "usage",
    "say what to run after --": "usage",
    "only `exec` and `run` take words after --": "usage",
    "unknown command '…'…": "usage",
    "the working directory cannot be found (…)": "the shell stands in a folder that was removed",
}


def run(*command, **more):
    done = subprocess.run(list(map(str, command)), capture_output=True, encoding="utf-8", check=False,
                          stdin=subprocess.DEVNULL, **more)
    return done.returncode, done.stdout + done.stderr


def targets(text):
    """What the links and pictures in a text lead to."""
    text = re.sub(r"``.*?``|`[^`]*`", "", text, flags=re.S)
    for target in re.findall(r"\]\(([^()\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", text):
        yield html.unescape("".join(target))


def arguments(source, at):
    """What is between the opening bracket before `at` and its closing one, split at the commas."""
    found, depth, begin = [], 1, at
    for token in re.finditer(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'|[][(){},]', source[at:]):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token[0], 0)
        if depth == 0 or (depth == 1 and token[0] == ","):
            found.append(source[begin:at + token.start()].strip())
            begin = at + token.end()
        if depth == 0:
            break
    return found


def literals(expression):
    """The texts that it makes, with … where something is put in: of fmt::format the first one alone, unless that holds
    no words."""
    string = r'"((?:\\.|[^"\\])*)"'
    joined = re.sub(r'(?<!\\)"\s+"', "", expression)
    texts = re.findall(r"fmt::format\(\s*" + string, joined)
    if not re.search("[a-z]{3}", " ".join(texts)):
        texts = re.findall(string, joined)
    for text in texts:
        if len(texts) > 1 and text[:1] in (",", ";", " "):  # goes on after another one
            continue
        text = re.sub(r"\{[^{}]*\}", "…", re.sub(r"\\(.)", r"\1", text)).strip(" :,")
        if re.search("[a-z]{3}", text):
            yield text


def pieces(quoted):
    """What of it is fixed: not what stands for … and WORDS."""
    found = [piece.strip(" ():,'") for piece in re.split(r"…|\b[A-Z]{3,}\b|\bHOST\b", quoted)]
    return [piece for piece in found if len(piece.strip(".")) > 3]


def as_said(piece):
    """What is a name in the document may be a place for one in the source."""
    return " ".join(f"(?:{re.escape(word)}|[`']?…\\S*)" for word in piece.split())


def explains(quoted, message):
    """Whether the message has these pieces in this order, at least half of them word by word; or is a part of them."""
    fixed = pieces(quoted)
    words = " ".join(fixed).split()
    return message in quoted or bool(re.search(".*".join(map(as_said, fixed)), message)) and bool(words) and \
        2 * sum(word in message for word in words) >= len(words)


class Page:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.blocks, prose, block = [], [], None
        for number, line in enumerate(self.path.read_text(encoding="utf-8").split("\n"), 1):
            fence = re.match(r"( *)```(.*)", line)
            if fence and block is None:
                block = (number, fence[2].strip(), len(fence[1]), [])
            elif fence:
                number, kind, _, lines = block
                self.blocks.append((number, kind, "\n".join(lines) + "\n"))
                block = None
            elif block is not None:
                block[3].append(line[block[2]:])
            prose.append("" if fence or block is not None else line)
        self.prose = prose
        self.anchors = []
        for line in prose:
            if heading := re.match(r"#+ (.*)", line):
                slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading[1]).lower()).replace(" ", "-")
                while slug in self.anchors:
                    slug += "-1"
                self.anchors.append(slug)


class Checker:
    def __init__(self, bgdeploy, root, out, folder):
        self.bgdeploy, self.folder = bgdeploy, folder
        self.root, self.out = pathlib.Path(root).resolve(), pathlib.Path(out)
        with open(self.root / "docs/bgdeploy.schema.json", encoding="utf-8") as file:
            self.keys = set(json.load(file)["properties"])
        self.commands = set(re.findall(r"^  ([a-z]+)", run(bgdeploy, "--help")[1], re.M)) - {"bgdeploy"}
        self.environment = {**os.environ, "HOME": str(folder)}
        self.exported = 0
        self.empty = pathlib.Path(folder, "empty")
        self.empty.mkdir()

    # --- command lines ----------------------------------------------------------------------------------

    def command_lines(self, text):
        """The words of every bgdeploy command line in a script."""
        text = re.sub(r"\$\{?\w+\}?", "1", text.replace("\\\n", " "))
        # Of a text that goes on for several lines ('…) nothing is a command line.
        tokens = []
        for line in text.split("\n"):
            lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
            lexer.whitespace_split = True
            try:
                tokens += [*lexer, ";"]
            except ValueError:
                tokens.append(";")
        words, into_file = [], False
        for token in tokens:
            if into_file:
                into_file = False
            elif set(token) <= set("<>"):
                into_file = True
            elif set(token) <= set("();|&"):
                while words and (re.match(r"\w+=", words[0]) or words[0] in ("sudo", "exec")):
                    words.pop(0)
                if words[:1] == ["bgdeploy"]:
                    yield words[1:]
                words = []
            else:
                words.append(token)

    def refused(self, words, mention=False):
        """Why the program does not take a command line, or nothing. A file that is not there is the first thing that
        it misses. What is only mentioned need not be complete."""
        if "init" in words:  # it would leave a spec behind, and log in to hosts
            words = [word for at, word in enumerate(words) if "--host" not in words[max(0, at - 1):at + 1]]
            words.append("--stdout")
        for more in [], ["--tag", "1"], ["--", "ls"]:
            if more and not mention:
                break
            code, said = run(self.bgdeploy, *words, *more, cwd=self.empty, env=self.environment)
            if code == 0 or re.search(r"no bgdeploy\.yml|(does not exist|cannot be read)", said):
                return ""
        return f"bgdeploy {shlex.join(words)}: {said.strip()}"

    def script(self, text, exclude=NOT_IN_DOCS):
        file = pathlib.Path(self.folder, "script.sh")
        file.write_text(text, encoding="utf-8")
        code, said = run("shellcheck", "-s", "bash", "-e", exclude, file)
        if code:
            yield said
        for words in self.command_lines(text):
            yield self.refused(words)
        for path in re.findall(r"(?<![\w./-])(?:examples|tests|docs)/[\w./-]+", text):
            if not (self.root / path).exists():
                yield f"there is no {path}"

    # --- blocks -----------------------------------------------------------------------------------------

    def sh(self, name, text):
        if name not in ("", "server", "desk"):
            yield f"a script is typed at the desk or on the server, not '{name}'"
        yield from self.script(text)

    def console(self, name, text):
        typed = [line[2:] for line in text.split("\n") if line.startswith("$ ")]
        if name or not typed:
            yield "a console shows a command behind '$ '"
        yield from self.script("\n".join(typed) + "\n")

    def text(self, name, text):
        if name or re.search(r"^ *(\$ |bgdeploy [a-z])", text, re.M):
            yield "a text holds no command"

    def json(self, name, text):
        try:
            json.loads(text)
        except ValueError:
            for line in text.splitlines():
                try:
                    json.loads(line)
                except ValueError as error:
                    yield str(error)

    def spec(self, text, document):
        names = set(re.findall(r"\{env: *\"?(\w+)", text) + re.findall(r"\$\{(\w+)", text))
        environment = {**self.environment, **{name: "value-of-" + name for name in names}}
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        for file in re.findall(r"[\w./-]*compose[\w{}.-]*\.yml", text):
            for slot in document.get("slots", ["blue"]):
                folder.joinpath(file.replace("{slot}", str(slot))).write_text(
                    "services: {api: {image: a, ports: ['${BGDEPLOY_PORT}:8080']}}\n", encoding="utf-8")
        for file in re.findall(r"\.env[\w.]*", text):
            folder.joinpath(file).write_text("A=1\n", encoding="utf-8")
        for file in re.findall(r"file: ~/([\w./-]+)", text):
            path = pathlib.Path(self.folder, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("a value\n", encoding="utf-8")
        (folder / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        (folder / "bgdeploy.yml").write_text(text, encoding="utf-8")
        code, said = run(self.bgdeploy, "-f", folder / "bgdeploy.yml", "validate", "--offline", env=environment)
        if code:
            yield said

    def yaml(self, name, text):
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            yield str(error)
            return
        if "compose" in name:
            file = pathlib.Path(self.folder, name)
            file.write_text(text, encoding="utf-8")
            pathlib.Path(self.folder, "api.env").write_text("", encoding="utf-8")
            code, said = run("docker-compose", "-f", file, "config", "--quiet",
                             env={**self.environment, "BGDEPLOY_PORT": "8081", "BGDEPLOY_SLOT": "blue"})
            if code:
                yield said
        elif name == ".gitlab-ci.yml":
            for job in document.values():
                lines = [*job.get("before_script", []), *job["script"]]
                yield from self.script("\n".join(lines) + "\n", NOT_IN_DOCS + ",SC2154")
        elif isinstance(document, dict) and "jobs" in document:
            self.export(".github/workflows", ".yml", text)
        elif isinstance(document, list) and all({"uses", "run"} & set(step) for step in document):
            workflow = {**WORKFLOW, "jobs": {"x": {**WORKFLOW["jobs"]["x"], "steps": document}}}
            self.export(".github/workflows", ".yml", yaml.safe_dump(workflow))
        elif isinstance(document, dict) and set(document) <= self.keys:
            if not {"service", "hosts"} <= set(document):
                base = {key: value for key, value in BASE.items() if key != "docker" or "compose" not in document}
                text = yaml.safe_dump({**base, **document})
            yield from self.spec(text, document)
        else:
            yield "neither a spec, nor some of its keys, nor a workflow, nor steps of one"

    def nginx(self, name, text):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        text = re.sub(r"^( *)include /\S+;", r"\1set $service_url http://127.0.0.1:8081;", text, flags=re.M)
        if not re.search(r"^(server|upstream) ", text, re.M):
            text = "server {\n" + text + "}\n"
        (folder / "nginx.conf").write_text(
            f"pid {folder}/pid; error_log stderr; events {{}}\nhttp {{ access_log off;\n{text}}}\n", encoding="utf-8")
        code, said = run("nginx", "-t", "-c", folder / "nginx.conf")
        if code or name:
            yield said

    def groovy(self, name, text):
        self.export("", "", text, "Jenkinsfile-")
        yield "a pipeline has no name" if name else ""

    def sudoers(self, name, text):
        file = pathlib.Path(self.folder, "sudoers")
        file.write_text(text, encoding="utf-8")
        code, said = run("visudo", "-c", "-f", file)
        if code or name:
            yield said

    def export(self, folder, suffix, text, prefix="docs-"):
        self.exported += 1
        file = self.out / folder / f"{prefix}{self.exported}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    KINDS = ("sh", "console", "text", "json", "yaml", "nginx", "groovy", "sudoers")

    def block(self, kind, text):
        language, _, name = kind.partition(" ")
        if language not in self.KINDS:
            yield f"a block of '{kind}': one of {', '.join(self.KINDS)}"
            return
        yield from getattr(self, language)(name, text)

    # --- prose ------------------------------------------------------------------------------------------

    def links(self, page):
        for target in targets("\n".join(page.prose)):
            if re.match(r"https?://|mailto:", target):
                continue
            path, _, anchor = target.partition("#")
            file = page.path.parent / path if path else page.path
            if not file.exists():
                yield f"{target} leads nowhere"
            elif file.suffix == ".svg":
                yield from self.picture(file)
            elif anchor and file.suffix == ".md" and anchor not in Page(file).anchors:
                yield f"{target}: there is no such heading"

    def picture(self, file):
        """Small, without anything that runs or is fetched, and the same words in both colours."""
        text = file.read_text(encoding="utf-8")
        root = xml.etree.ElementTree.fromstring(text)
        other = file.with_name(file.name.replace("-light", "-dark")).read_text(encoding="utf-8")
        if len(text) > 60000 or re.search(r"<script|<image|href|url\(|\bon\w+=", text):
            yield f"{file.name} is large, or more than a picture"
        if list(root.itertext())[2:] != list(xml.etree.ElementTree.fromstring(other).itertext())[2:]:
            yield f"{file.name} and its dark form differ: run docs/picture/make"

    def inline(self, page):
        text = "\n".join(page.prose)
        codes = re.findall(r"`(bgdeploy [^`…]+…?)`", text)
        for row in re.findall(r"^\| (`.*?) \|", text, re.M):
            codes += ["bgdeploy " + code for code in re.findall(r"`([^`]+)`", row)
                      if code.partition(" ")[0] in self.commands]
        for code in codes:
            # [--to T]: with and without.
            code = code.replace("COMMAND", "deploy")
            for variant in {re.sub(r" \[.*?\]", "", code), re.sub(r"[\[\]]", "", code)}:
                for words in self.command_lines(variant.replace("\n", " ")):
                    yield self.refused(words, mention=True)

    def sources(self):
        files = sorted([*self.root.glob("src/**/*.[ch]pp"), *self.root.glob("src/**/*.sh")])
        return "\n".join(file.read_text(encoding="utf-8") for file in files)

    def variables(self, page):
        """Every variable of the environment that the program reads is in the table."""
        table = "\n".join(line for line in page.prose if line.startswith("|"))
        for name in sorted(set(re.findall(r"(?:getenv|variable|environment)\(\"([A-Z_]+)\"\)", self.sources()))):
            if f"`{name}`" not in table:
                yield f"the variable {name} is not in the table"

    def index(self, page):
        """Every page is on the list of pages; those in another language stand beside theirs."""
        listed = {path.partition("#")[0] for path in targets("\n".join(page.prose))}
        for file in sorted((self.root / "docs").glob("*.md")):
            if file.name not in listed | {"README.md"}:
                yield f"{file.name} is not on the list of pages"

    def commands_and_exit_codes(self, page):
        """What `bgdeploy --help` lists is in the tables."""
        table = "\n".join(line.split(" | ")[0] for line in page.prose if line.startswith("|"))
        for command in sorted(self.commands):
            if not re.search(rf"`{command}\b", table):
                yield f"the command {command} is not in the table"
        yield from self.exit_codes(page, {"10"})

    def exit_codes(self, page, elsewhere):
        said = run(self.bgdeploy, "--help")[1]
        for code in re.findall(r"^  (\d+) ", said[said.index("Exit codes:"):], re.M):
            if code not in elsewhere and not any(line.startswith(f"| {code} |") for line in page.prose):
                yield f"the exit code {code} is not in the table"

    def messages(self, page):
        """What the first column quotes is said somewhere, apart from what the places of … and WORDS hold; and whatever
        a source says with a next step is quoted there."""
        said = re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)\"\s*\"", "", self.sources()))
        said = re.sub(r"\{[\w:.]*\}", "…", said)
        explained = []
        for row in page.prose[page.prose.index("## By message"):]:
            if row.startswith("| `"):
                for quoted in re.findall(r"`([^`]+)`", row.split(" | ")[0]):
                    explained.append(quoted)
                    for piece in pieces(quoted):
                        if not re.search(as_said(piece), said):
                            yield f"no message says '{piece}' of `{quoted}`"
        yield from self.exit_codes(page, {"0", "10"})
        left_out = dict(NEED_NO_ROW)
        for place, message in self.told_with_a_next_step():
            if message in left_out:
                left_out[message] = ""
            elif not any(explains(quoted, message) for quoted in explained):
                yield f"{place}: no row explains '{message}', which names a next step"
        for message, why in left_out.items():
            if why:
                yield f"tests/lint/docs.py: '{message}' needs no exception any more"

    def told_with_a_next_step(self):
        """Of the errors that are made in one place: `fail(kind, message, details, next)`, `Error{…}`, `{…}`, and
        functions with a parameter `next`; and of those that get their message, and then their next step, in one
        function: `error.message = …`, `error.next = …`."""
        for file in sorted(self.root.glob("src/**/*.[ch]pp")):
            source = re.sub(r"^\s*//.*|#include.*", "", file.read_text(encoding="utf-8"), flags=re.M)
            makers = [(r"[({]\s*(?=[^(){};,\"]*ErrorKind::\w+,)", 1, 3)]
            for name, parameters in re.findall(r"(\w+)\(([^()]*\bstd::string next\b[^()]*)\)", source):
                names = [re.sub(r" = .*", "", one).split()[-1] for one in parameters.replace("{}", "").split(",")]
                makers.append((rf"(?<!Error )\b{name}\(", names.index("message"), names.index("next")))
            for maker, message, following in makers:
                for found in re.finditer(maker, source):
                    given = arguments(source, found.end())
                    if len(given) > following and given[following] not in ("{}", "std::move(next)"):
                        for text in literals(given[message]):
                            yield file.relative_to(self.root), text
            for found in re.finditer(r"\b(\w+)\.next = ", source):
                before = source[source.rfind("\n}\n", 0, found.start()) + 1:found.start()]
                given = re.split(rf"\b{found[1]}(?:\.message =|{{)", before)
                if len(given) > 1:
                    for text in literals(given[-1].split(";\n")[0]):
                        yield file.relative_to(self.root), text

    def findings(self, path):
        page = Page(path)
        for number, kind, text in page.blocks:
            for why in self.block(kind, text):
                if why:
                    yield f"{path}:{number}: {why}"
        more = {"cli.md": self.variables, "troubleshooting.md": self.messages}.get(page.path.name, lambda page: [])
        if page.path.name == "README.md":
            folder = page.path.resolve().parent
            more = {self.root: self.commands_and_exit_codes, self.root / "docs": self.index}.get(folder, more)
        for why in [*self.links(page), *self.inline(page), *more(page)]:
            if why:
                yield f"{path}: {why}"


def main():
    bgdeploy, root, out, *files = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        checker = Checker(bgdeploy, root, out, folder)
        found = [why for file in files for why in checker.findings(file)]
    for why in found:
        print(why)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
