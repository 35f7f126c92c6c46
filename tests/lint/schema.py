#!/usr/bin/env python3
"""schema.py BGDEPLOY ROOT: whether docs/bgdeploy.schema.json, read by a validator of others, and bgdeploy agree.

Every spec of the examples and of the documentation is valid, also with a variable in the place of any value, and as
`bgdeploy config` prints it. Each broken spec of the list below is refused by both, because of the same key."""
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

MINIMAL = {
    "service": "service: app",
    "image": "image: example/app",
    "hosts": "hosts: {app: [web.example.com]}",
    "slots": "slots: {blue: 8081, green: 8082}",
    "health": "health: {tcp: true}",
    "proxy": "proxy: {nginx: {include: /etc/nginx/app.inc}}",
}

# The smallest spec with this line, and the key that is wrong then.
BROKEN = [
    ("imgae: x", "imgae"),
    ("service: Shop!", "service"),
    ("service: ''", "service"),
    ("image: example/app:1.2", "image"),
    ("image: Example/App", "image"),
    ("hosts: {}", "hosts.app"),
    ("hosts: {app: []}", "hosts.app"),
    ("hosts: {app: web}", "hosts.app"),
    ("hosts: {app: [-oProxyCommand=id]}", "hosts.app[0]"),
    ("hosts: {app: [a, {user: jo}]}", "hosts.app[1].host"),
    ("hosts: {app: [{host: a, usr: jo}]}", "hosts.app[0].usr"),
    ("hosts: {app: [{host: a, port: 70000}]}", "hosts.app[0].port"),
    ("hosts: {app: [{host: a, host_key: 'MD5:aa'}]}", "hosts.app[0].host_key"),
    ("hosts: {app: [{host: a, sudo: [docker, root]}]}", "hosts.app[0].sudo[1]"),
    ("hosts: {app: [a], prxy: [b]}", "hosts.prxy"),
    ("ssh: {user: '-x'}", "ssh.user"),
    ("ssh: {keepalive: 0s}", "ssh.keepalive"),
    ("ssh: {conect_timeout: 1s}", "ssh.conect_timeout"),
    ("slots: {blue: 80801, green: 8082}", "slots.blue"),
    ("slots: {blue: 8081}", "slots"),
    ("slots: {a: 1, b: 2, c: 3}", "slots"),
    ("slots: {A: 1, b: 2}", "slots.A"),
    ("slots: {a: {container: app-a}, b: 2}", "slots.a.port"),
    ("slots: {a: {port: 1, contaner: x}, b: 2}", "slots.a.contaner"),
    ("slots: [Blue, green]", "slots[0]"),
    ("slots: [blue]", "slots"),
    ("health: {running: {for: 0s}}", "health.running.for"),
    ("order: stop_fist", "order"),
    ("notify: [{slack: x}]", "notify[0].slack"),
    ("notify: [{slack: {env: A}, on: faild}]", "notify[0].on"),
    ("notify: [{on: failed}]", "notify[0]"),
    ("prune: {images: -1}", "prune.images"),
    ("registry: {username: ci}", "registry.password"),
    ("registry: {username: ci, password: hunter2}", "registry.password"),
    ("secrets: {A: hunter2}", "secrets.A"),
    ("secrets: {A: {env: X, file: y}}", "secrets.A"),
    ("secrets: {A: {evn: X, env: Y}}", "secrets.A.evn"),
    ("secrets: {A: {command: []}}", "secrets.A.command"),
    ("secrets: {1D: {env: X}}", "secrets.1D"),
    ("docker: {memlimit: 1g}", "docker.memlimit"),
    ("docker: {container_port: 0}", "docker.container_port"),
    ("docker: {host_ip: localhost}", "docker.host_ip"),
    ("docker: {networks: x}", "docker.networks"),
    ("docker: {environment: {A: [1]}}", "docker.environment.A"),
    ("docker: {volumes: [{type: npipe, target: /x}]}", "docker.volumes[0].type"),
    ("docker: {volumes: [{type: volume, target: /x, volume: {nocpy: true}}]}", "docker.volumes[0].volume.nocpy"),
    ("docker: {mem_limit: lots}", "docker.mem_limit"),
    ("docker: {cpus: -1}", "docker.cpus"),
    ("docker: {restart: sometimes}", "docker.restart"),
    ("docker: {init: 'on'}", "docker.init"),
    ("docker: {labels: {bgdeploy.slot: x}}", "docker.labels.bgdeploy.slot"),
    ("docker: {logging: {drivr: x}}", "docker.logging.drivr"),
    ("docker: {ulimits: {files: 1}}", "docker.ulimits.files"),
    ("docker: {ulimits: {nofile: {soft: 1}}}", "docker.ulimits.nofile.hard"),
    ("docker: {cap_add: [NET_ADMN]}", "docker.cap_add[0]"),
    ("docker: {tmpfs: run}", "docker.tmpfs"),
    ("docker: {stop_signal: SIGTREM}", "docker.stop_signal"),
    ("docker: {stop_grace_period: 5}", "docker.stop_grace_period"),
    ("docker: {socket: 'tcp://1.2.3.4:2375'}", "docker.socket"),
    ("build: {contxt: .}", "build.contxt"),
    ("build: {target: -x}", "build.target"),
    ("compose: {project: x}", "compose"),
    ("compose: {remote_file: a.yml}", "compose.remote_file"),
    ("health: {}", "health"),
    ("health: {tcp: true, docker: true}", "health"),
    ("health: {tcp: false}", "health.tcp"),
    ("health: {exec: []}", "health.exec"),
    ("health: {tcp: true, via: proxy}", "health.via"),
    ("health: {tcp: true, interval: 5}", "health.interval"),
    ("health: {tcp: true, success_threshold: 0}", "health.success_threshold"),
    ("health: {http: {status: 99}}", "health.http.status"),
    ("health: {http: {path: up}}", "health.http.path"),
    ("health: {http: {pth: /up}}", "health.http.pth"),
    ("proxy: nginx", "proxy"),
    ("proxy: {}", "proxy.nginx"),
    ("proxy: {nginx: {include: conf.d/x.inc}}", "proxy.nginx.include"),
    ("proxy: {nginx: {include: /x, upstream: 'a {}'}}", "proxy.nginx.upstream"),
    ("proxy: {nginx: {include: /x, port: '80;'}}", "proxy.nginx.port"),
    ("proxy: {nginx: {include: /x, test: []}}", "proxy.nginx.test"),
    ("proxy: {nginx: {sites: {from: '/f-{slot}'}}}", "proxy.nginx.sites.to"),
    ("drain: 30s", "drain"),
    ("drain: {timeout: soon}", "drain.timeout"),
    ("verify: false", "verify"),
    ("verify: {path: x}", "verify.path"),
    ("retire: maybe", "retire"),
    ("parallel: 0", "parallel"),
    ("parallel: 1001", "parallel"),
    ("history: {dir: state}", "history.dir"),
    ("strategy: rolling", "strategy"),
    ("watch: {for: 0s}", "watch.for"),
    ("hooks: []", "hooks"),
    ("hooks: {before_switch: [{run: a, host: b}]}", "hooks.before_switch[0]"),
    ("hooks: {before_switch: [{run: a, on: promote}]}", "hooks.before_switch[0].on"),
    ("environments: {a: {dokcer: {}}}", "environments.a.dokcer"),
    ("environments: {a: {docker: {memlimit: 1g}}}", "environments.a.docker.memlimit"),
    ("environments: {a: {environments: {}}}", "environments.a.environments"),
    ("environments: [a]", "environments"),
]

# Both take these, though a schema could easily be too strict.
GOOD = [
    "service: 1234",
    "ssh:",
    "docker:",
    "docker: {environment: {A: 1, B: true, C: 1.10, D: null}, labels: {a: null}, user: 1000}",
    "docker: {environment: [A=1, B], command: [1, true], mem_limit: 8388608, cpus: 1, ulimits: {core: -1}}",
    "docker: {cap_add: [net_admin, CAP_CHOWN, Sys_Admin], stop_signal: 15, restart: 'on-failure:5'}",
    "docker: {stop_signal: rtmin+3, shm_size: 1.5g, volumes: [/a, {type: tmpfs, target: /b, tmpfs: {mode: 1777}}]}",
    "docker: {extra_hosts: {db: [10.0.0.5, '::1'], gate: host-gateway}, host_ip: '::', container_port: '{port}'}",
    "health: {http: {status: 200, headers: {X-Number: 1}}}",
    "health: {http:}",
    "health: {http: {status: '200, 204-299'}, interval: 1m30s, via: host}",
    "health: {docker: true, via: direct}",
    "hosts: {app: ['[2001:db8::1]:22', 'CORP\\jo@web', 10]}",
    "slots: {blue: '08081', green: {port: '8082'}}",
    "verify: off",
    "drain: {timeout: 0s}",
    "environments: {a: {health: {deadline: 1m}, docker: {mem_limit: null}, slots: {blue: {container: ab}}}, b: null}",
]


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors and bgdeploy read it: `off` is a text, 010 is ten."""

    yaml_implicit_resolvers = {}


def resolve(tag, pattern, first):
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile("^(?:" + pattern + ")$"), first)


resolve("null", "~|null|Null|NULL|", ["~", "n", "N", ""])
resolve("bool", "true|True|TRUE|false|False|FALSE", list("tTfF"))
resolve("int", "[-+]?[0-9]+", list("-+0123456789"))
resolve("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789"))
resolve("merge", "<<", ["<"])
Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node), 10))
Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(loader.construct_scalar(node)))


def load(text):
    return yaml.load(text, Loader)  # a SafeLoader


def shown(path):
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def of_another_type(error):
    return error.validator in ("type", "enum", "const") and not error.relative_path


def wrong_keys(error):
    """Paths of the keys that the schema's error is about."""
    path = list(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.schema.get("additionalProperties"), bool):
        return {shown(path + [key]) for key in set(error.instance) - set(error.schema["properties"])}
    if error.validator == "required":
        return {shown(path + [key]) for key in error.validator_value if key not in error.instance}
    if list(error.absolute_schema_path)[-2:] == ["propertyNames", "pattern"]:
        return {shown(path + [error.instance])}
    if error.validator == "anyOf":
        # What the value was meant to be: a form of its type.
        forms = collections.defaultdict(list)
        for inner in error.context:
            forms[inner.schema_path[0]].append(inner)
        meant = [form for form in forms.values() if not any(of_another_type(inner) for inner in form)]
        if len(meant) == 1:
            return set().union(*map(wrong_keys, meant[0]))
    return {shown(path)}


def schema_says(validator, document):
    return set().union(*map(wrong_keys, validator.iter_errors(document)))


def places(node, path=()):
    """The places of keys and values, each with the paths that begin there."""
    found = [((node.start_mark.line + 1, node.start_mark.column + 1), shown(path))]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found.append(((key.start_mark.line + 1, key.start_mark.column + 1), shown(path + (key.value,))))
            found += places(value, path + (key.value,))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found += places(value, path + (index,))
    return found


def bgdeploy_says(bgdeploy, folder, text):
    file = pathlib.Path(folder, "bgdeploy.yml")
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([bgdeploy, "-f", file, "validate", "--offline"], capture_output=True, encoding="utf-8",
                          check=False)
    if done.returncode == 0:
        return set()
    at = collections.defaultdict(set)
    for place, path in places(yaml.compose(text, Loader)):
        at[place].add(path)
    found = set()
    for line, column, message in re.findall(r"^\s*\S*bgdeploy\.yml:(\d+):(\d+): (.*)$", done.stderr, re.M):
        first = message.split()[0]
        candidates = at[int(line), int(column)]
        found |= {first} if first in candidates or message.endswith(" is missing") else candidates
    return found or {done.stderr}


def spec_with(line):
    sections = {**MINIMAL, line.split(":")[0]: line}
    if line.startswith("compose"):
        del sections["image"]
    return "\n".join(sections.values()) + "\n"


def specs(root):
    """Every spec of the examples, and those of the documentation."""
    for file in sorted(root.glob("examples/**/bgdeploy*.yml")):
        yield str(file.relative_to(root)), file.read_text(encoding="utf-8")
    for file in [root / "README.md", *sorted(root.glob("docs/*.md")), *sorted(root.glob("examples/**/*.md"))]:
        blocks = re.findall(r"^```yaml[^\n]*\n(.*?)^```", file.read_text(encoding="utf-8"), re.M | re.S)
        for number, block in enumerate(blocks):
            document = load(block)
            if isinstance(document, dict) and {"service", "hosts"} <= set(document):
                yield f"{file.relative_to(root)}, block {number + 1}", block


def scalars(value, path=()):
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from scalars(inner, path + (key,))
    elif value is not None:
        yield path


def replaced(value, path, other):
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], other)
    return copy


def check_spec(validator, name, document):
    for path in schema_says(validator, document):
        yield f"{name}: the schema refuses {path}"
    for path in scalars(document):
        if schema_says(validator, replaced(document, path, "${VAR:-x}")):
            yield f"{name}: the schema refuses a variable at {shown(path)}"
        if not schema_says(validator, replaced(document, path, [["wrong"]])):
            yield f"{name}: the schema takes anything at {shown(path)}"


def check_broken(validator, bgdeploy, folder):
    for line, key in BROKEN:
        text = spec_with(line)
        by_schema, by_bgdeploy = schema_says(validator, load(text)), bgdeploy_says(bgdeploy, folder, text)
        # Two kinds in the place of one are told at the second.
        told = {key if one.startswith(f"{key}.") else one for one in by_bgdeploy}
        if by_schema != {key} or told != {key}:
            yield f"`{line}`: expected {key}, the schema says {by_schema}, bgdeploy {by_bgdeploy}"
    for line in ["", *GOOD]:
        text = spec_with(line) if line else "\n".join(MINIMAL.values())
        by_schema, by_bgdeploy = schema_says(validator, load(text)), bgdeploy_says(bgdeploy, folder, text)
        if by_schema or by_bgdeploy:
            yield f"`{line}` is good, the schema says {by_schema}, bgdeploy {by_bgdeploy}"


def check(bgdeploy, root, folder):
    published = (root / "docs/bgdeploy.schema.json").read_text(encoding="utf-8")
    printed = subprocess.run([bgdeploy, "schema"], capture_output=True, encoding="utf-8", check=True).stdout
    if printed != published:
        yield "docs/bgdeploy.schema.json is not what `bgdeploy schema` prints"
    schema = json.loads(published)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    found = list(specs(root))
    if len(found) < 20:
        yield f"only {len(found)} specs are found"
    for name, text in found:
        yield from check_spec(validator, name, load(text))
    for file in sorted(root.glob("examples/**/bgdeploy*.yml")):
        resolved = subprocess.run([bgdeploy, "-f", file, "config", "--offline", "-o", "json"], capture_output=True,
                                  check=True)
        yield from (f"`config` of {file}: {path}" for path in schema_says(validator, json.loads(resolved.stdout)))
    yield from check_broken(validator, bgdeploy, folder)


def main():
    with tempfile.TemporaryDirectory() as folder:
        wrong = list(check(sys.argv[1], pathlib.Path(sys.argv[2]), folder))
    for each in wrong:
        print(each)
    sys.exit(1 if wrong else 0)


main()
