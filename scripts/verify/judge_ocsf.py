"""Validates events with the JSON Schemas that the package ocsf-json-schema makes of OCSF's own exports.

    judge_ocsf.py EVENTS

EVENTS has a JSON object a line: {"class", "version", "profiles", "event", "valid", "about"}. An event that is not valid on purpose
has "valid" false. "without" lists required attributes (dotted) that the event lacks on purpose.
"""

import functools
import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema


@functools.cache
def export(version):
    return OcsfJsonSchemaEmbedded(OcsfJsonSchema(get_ocsf_schema(version)))


@functools.cache
def class_names(version):
    return {name.split("/")[-1]: name for name in export(version).schema.schema["classes"]}


@functools.cache
def validator(version, name, profiles):
    schema = export(version).get_class_schema(class_names(version)[name], list(profiles))
    return Draft202012Validator(schema)


def complaints(line):
    check = validator(line["version"], line["class"], tuple(line.get("profiles") or []))
    for error in check.iter_errors(line["event"]):
        at = ".".join(str(p) for p in error.absolute_path)
        if error.validator == "required" and all(waived(at, name, line) for name in error.validator_value if name not in error.instance):
            continue
        yield f"{at or '(event)'}: {error.message[:300]}"


def waived(at, name, line):
    """Says whether the event lacks this attribute on purpose."""
    return (f"{at}.{name}" if at else name) in line.get("without", [])


def main():
    count, versions, bad = 0, set(), 0
    with open(sys.argv[1]) as events:
        for text in events:
            line = json.loads(text)
            found = list(complaints(line))
            count += 1
            versions.add(line["version"])
            if bool(found) == line.get("valid", True):
                bad += 1
                print(f"{line.get('about', '')} {line['class']} {line['version']}: {found[:5] or 'it is valid, but should not be'}")
    if bad or not count:
        print(f"{bad} of {count} events")
        sys.exit(1)
    print(f"ok: {count} events of {len(versions)} versions")


if __name__ == "__main__":
    main()
