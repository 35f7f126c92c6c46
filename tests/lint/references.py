#!/usr/bin/env python3
"""references.py ROOT FILE...: what CI files of an example name must be there.

An appspec.yml's hooks: scripts of the bundle that can be run. A workflow's steps that use this repository's action:
inputs that it has."""
import os
import sys

import yaml

HOOKS = {"BeforeInstall", "AfterInstall", "ApplicationStop", "ApplicationStart", "ValidateService"}


def appspec(path):
    with open(path, encoding="utf-8") as file:
        spec = yaml.safe_load(file)
    folder = os.path.dirname(path)
    if spec.get("version") != 0.0 or spec.get("os") != "linux":
        yield "version must be 0.0 and os linux"
    for hook, scripts in spec.get("hooks", {}).items():
        if hook not in HOOKS:
            yield f"there is no hook {hook}"
        for script in scripts:
            if not os.access(folder + "/" + script["location"].lstrip("/"), os.X_OK):
                yield f"{script['location']} is not a program of the bundle"


def workflow(path, inputs):
    with open(path, encoding="utf-8") as file:
        jobs = yaml.safe_load(file)["jobs"]
    for job in jobs.values():
        for step in job["steps"]:
            if step.get("uses", "").split("@")[0].endswith("/bgdeploy"):
                for name in set(step.get("with", {})) - inputs:
                    yield f"the action has no input {name}"


def main():
    with open(sys.argv[1] + "/action.yml", encoding="utf-8") as file:
        inputs = set(yaml.safe_load(file)["inputs"])
    failed = False
    for path in sys.argv[2:]:
        found = appspec(path) if path.endswith("appspec.yml") else workflow(path, inputs)
        for each in found:
            print(f"{path}: {each}")
            failed = True
    sys.exit(1 if failed else 0)


main()
