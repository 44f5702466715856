"""Prints what requests of AWS's APIs must look like, as JSON: from the models of the installed botocore, or of the one in a wheel.

    api_facts.py [botocore.whl] > internal/registration/lakefake/facts.json

Only the operations that the fake of Security Lake knows are printed, without documentation. A test of `make verify` compares the file
with the installed botocore.
"""

import gzip
import json
import sys
import zipfile

OPERATIONS = {
    ("securitylake", "2018-05-10"): [
        "CreateCustomLogSource", "DeleteCustomLogSource", "ListLogSources", "GetDataLakeSources",
    ],
    ("glue", "2017-03-31"): ["GetCrawler", "UpdateCrawler", "DeleteCrawler", "GetTable"],
    ("lakeformation", "2017-03-31"): ["GrantPermissions", "ListPermissions"],
}
KEPT = ["type", "required", "min", "max", "enum", "pattern"]


def models():
    if len(sys.argv) > 1:
        wheel = zipfile.ZipFile(sys.argv[1])
        name = sys.argv[1].rsplit("/", 1)[-1]
        yield name.split("-")[1]
        for service, api in OPERATIONS:
            path = f"botocore/data/{service}/{api}/service-2.json.gz"
            yield json.loads(gzip.decompress(wheel.read(path)))
        return
    import botocore
    import botocore.loaders

    yield botocore.__version__
    for service, api in OPERATIONS:
        yield botocore.loaders.Loader().load_service_model(service, "service-2", api)


def facts():
    source = models()
    out = {"source": "botocore " + next(source), "operations": {}, "shapes": {}}
    for (service, api), model in zip(OPERATIONS, source):
        def walk(name):
            key = f"{service}.{name}"
            if key in out["shapes"]:
                return
            shape = model["shapes"][name]
            kept = {k: shape[k] for k in KEPT if k in shape}
            if shape.get("union"):
                kept["union"] = True
            if "\\u" in kept.get("pattern", ""):  # any text without control characters; Go has another syntax for it
                del kept["pattern"]
            out["shapes"][key] = kept
            if "members" in shape:
                kept["members"] = {}
                for member, ref in sorted(shape["members"].items()):
                    kept["members"][member] = {"shape": f"{service}.{ref['shape']}"}
                    for place in ["location", "locationName"]:
                        if place in ref:
                            kept["members"][member][place] = ref[place]
                    walk(ref["shape"])
            for part in ["member", "key", "value"]:
                if part in shape:
                    kept[part] = f"{service}.{shape[part]['shape']}"
                    walk(shape[part]["shape"])

        for name in OPERATIONS[service, api]:
            operation = model["operations"][name]
            out["operations"][f"{service}.{name}"] = {
                "method": operation["http"]["method"],
                "uri": operation["http"]["requestUri"],
                "input": f"{service}.{operation['input']['shape']}",
                "errors": sorted(e["shape"] for e in operation.get("errors", [])),
            }
            walk(operation["input"]["shape"])
    return out


if __name__ == "__main__":
    json.dump(facts(), sys.stdout, indent=1, sort_keys=True)
    print()
