#!/usr/bin/env python3
"""output_schema.py DOCS FILE: whether DOCS/output.schema.json holds what the commands printed, and no field more.

A line of FILE is {"command": …, "document": …}. Every command of the schema must have printed something."""
import json
import pathlib
import sys

import jsonschema


def closed(schema):
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    same = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **same} if "properties" in schema and "required" in schema else same


docs = pathlib.Path(sys.argv[1])
schema = json.loads((docs / "output.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)

def schema_of(command, document):
    own = schema["properties"][command]
    elsewhere = [one["$ref"] for one in own["anyOf"] if not one["$ref"].startswith("#")]
    if elsewhere and "error" not in document:
        return json.loads((docs / elsewhere[0]).read_text())
    own = {"anyOf": [one for one in own["anyOf"] if one["$ref"] not in elsewhere]}
    return closed({"$defs": schema["$defs"], **own})


seen, wrong = set(), 0
for line in pathlib.Path(sys.argv[2]).read_text().splitlines():
    printed = json.loads(line)
    command = printed["command"]
    seen.add(command)
    document = printed["document"]
    for error in jsonschema.Draft202012Validator(schema_of(command, document)).iter_errors(document):
        best = jsonschema.exceptions.best_match([error])
        print(f"{command}: {best.json_path}: {best.message}")
        wrong += 1
for command in schema["properties"].keys() - seen:
    print(f"{command} printed nothing")
    wrong += 1
sys.exit(wrong > 0)
