#!/usr/bin/env python3
"""Tries the shipped mappings on logs that other projects publish, and writes counts to scripts/samples/results.json.

The logs are read from clones of the projects: from -repos (owner/name or owner+name below it), else they are fetched from GitHub
into a temporary folder. Only counts are kept. `make samples` runs this, and then `go test ./docs -update` writes docs/samples.md.

What a project expects of its own record (addresses, user, time) is compared with the event, if the project says so. For GuardDuty,
the event is compared with the finding itself.
"""
import argparse, ast, datetime, fnmatch, glob, hashlib, json, os, re, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def git(repo, *args):
    return subprocess.run(["git", "-C", repo, *args], check=True, capture_output=True).stdout


class Project:
    """A clone of a public project, at the commit that it has."""

    def __init__(self, name, repos, temp):
        self.name = name
        for path in (os.path.join(repos or "", name), os.path.join(repos or "", name.replace("/", "+"), "repo")):
            if repos and os.path.isdir(path):
                self.path = path
                break
        else:
            self.path = os.path.join(temp, name.replace("/", "+"))
            subprocess.run(["git", "clone", "--quiet", "--depth", "1", "--bare", "https://github.com/" + name, self.path], check=True)
        self.commit = git(self.path, "rev-parse", "HEAD").decode().split()[0]

    def files(self, pattern):
        names = git(self.path, "ls-tree", "-r", "--name-only", "-z", self.commit).decode().split("\0")
        return [n for n in names if fnmatch.fnmatchcase(n, pattern)]

    def text(self, name):
        return git(self.path, "show", self.commit + ":" + name).decode("utf-8", "replace")


# How to find records in a file. Each gives pairs: the record, and what the project expects of it.


def intake(text):
    """A test of SEKOIA.IO's intake formats: the record, and the fields of ECS that it becomes."""
    test = json.loads(text)
    return [(test["input"]["message"], test.get("expected", {}))]


def lines(text):
    """Lines of a log, of which the project expects nothing."""
    return [(line, {}) for line in text.splitlines() if line.strip()]


def texts(text):
    """Texts of a test in Java."""
    return [(t.encode().decode("unicode_escape"), {}) for t in re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)]


def events(text):
    """GuardDuty findings in JSON: as they are, or as EventBridge sends them (detail)."""
    doc = lower(json.loads(text))
    finding = doc.get("detail", doc)
    if len(finding.get("accountId", "")) > 12:  # a placeholder with a digit too many
        finding["accountId"] = finding["accountId"][:12]
    return [(json.dumps(finding), {})]


def literals(text):
    """GuardDuty findings in dictionaries of Python."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Dict):
            try:
                value = ast.literal_eval(node)
            except (ValueError, TypeError):
                continue
            if isinstance(value, dict) and "Id" in value and "Type" in value and "Severity" in value:
                found.append((json.dumps(lower(value), default=str), {}))
    return found


def output(text):
    """GuardDuty findings in the documentation of the AWS CLI."""
    found = []
    for part in re.findall(r"Output::\s*\n\s*\n((?:    .*\n|\s*\n)+)", text):
        doc = json.loads(part)
        found += [(json.dumps(lower(f)), {}) for f in doc.get("Findings", [])]
    return found


def lower(value):
    """The names of GuardDuty's API as the export to S3 writes them."""
    if isinstance(value, dict):
        return {k[:1].lower() + k[1:]: lower(v) for k, v in value.items()}
    if isinstance(value, list):
        return [lower(v) for v in value]
    return value


# What is tried: mapping, project, files, how they are read, and which records of them are in the mapping's format.
CSV = re.compile(r"(?:^|[ :])\d+,\d[\d/-]+[ T][\d:.]+Z?,")
KV = re.compile(r"(?:^|[ >,])(?:type|logid|devname)=")
SETS = [
    ("paloalto", "SEKOIA-IO/intake-formats", "Palo Alto Networks/paloalto-*/tests/*.json", intake, lambda r: bool(CSV.search(r[:120])) and "CEF:" not in r[:200]),
    ("paloalto", "PaloAltoNetworks/Splunk-Apps", "demo/samples/pan_globalprotect.samplelog", lines, None),
    ("paloalto", "PaloAltoNetworks/Splunk-Apps", "demo/samples/pan_correlation.samplelog", lines, None),
    ("paloalto", "Graylog2/graylog-plugin-integrations", "src/test/java/*/paloalto*/*.java", texts, lambda r: bool(CSV.search(r[:120]))),
    ("fortinet", "SEKOIA-IO/intake-formats", "Fortinet/fortigate/tests/*.json", intake, lambda r: bool(KV.search(r)) and "|Fortinet|" not in r),
    ("fortinet", "wazuh/wazuh-ruleset", "decoders/0100-fortigate_decoders.xml", lines, lambda r: r.startswith("date=") or " date=2" in r),
    ("cef", "SEKOIA-IO/intake-formats", "CEF/cef/tests/*.json", intake, lambda r: "CEF:" in r),
    ("cef", "SEKOIA-IO/intake-formats", "Fortinet/fortigate/tests/*.json", intake, lambda r: "CEF:" in r),
    ("cef", "SEKOIA-IO/intake-formats", "Palo Alto Networks/paloalto-*/tests/*.json", intake, lambda r: "CEF:" in r),
    ("cef", "SEKOIA-IO/intake-formats", "Checkpoint/checkpoint/tests/*.json", intake, lambda r: "CEF:" in r),
    ("cef", "SEKOIA-IO/intake-formats", "SonicWall/sonicwall-fw/tests/*.json", intake, lambda r: "CEF:" in r),
    ("guardduty", "SEKOIA-IO/intake-formats", "AWS/aws-guardduty/tests/*.json", intake, None),
    ("guardduty", "blu371ck/GuardDuty-SOAR", "samples/*.json", events, None),
    ("guardduty", "cartography-cncf/cartography", "tests/data/aws/guardduty.py", literals, None),
    ("guardduty", "aws/aws-cli", "awscli/examples/guardduty/get-findings.rst", output, None),
    ("guardduty", "cloud-custodian/cloud-custodian", "tests/data/cwe/*-duty-event.json", events, None),
]


def preview(etl, mapping, records, temp):
    """What becomes of the records, one each."""
    suffix = {"paloalto": ".csv", "guardduty": ".jsonl"}.get(mapping, ".log")
    path = os.path.join(temp, mapping + suffix)
    with open(path, "w") as f:
        for record in records:
            f.write((json.dumps(json.loads(record)) if suffix == ".jsonl" else record.strip("\r\n").replace("\n", " ")) + "\n")
    job = os.path.join(temp, "job.yaml")
    with open(job, "w") as f:  # records of any age
        json.dump({"name": "samples", "source": {"staging": temp + "/staging"}, "mapping": os.path.join(ROOT, "sql", mapping), "state": temp + "/state",
                   "lake": {"location": temp + "/lake", "source_name": "samples", "region": "us-east-1", "account_id": "111122223333"},
                   "catalog": {"type": "local", "database": "samples"}, "event_days": {"max_age": "20000d", "max_future": "20000d"}}, f)
    out = subprocess.run([etl, "preview", job, path, "--limit", "100000", "-o", "json"], capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(out.stderr)
    results = [json.loads(line) for line in out.stdout.splitlines()]
    if len(results) != len(records):
        sys.exit("%s: %d records became %d" % (mapping, len(records), len(results)))
    return results


# Why a record is refused on purpose, or why an event differs from what the project expects. A person has looked at each of them: what
# no line explains is counted as wrong.
REASONS = [
    ("paloalto", "fix_bug_with*", "field 36", "a start time that a spreadsheet or an editor changed"),
    ("paloalto", "*_csv.json", "field 36", "a start time that a spreadsheet or an editor changed"),
    ("paloalto", "*/test_event_reason2.json", "high_res_timestamp", "a timestamp that was cut"),
    ("paloalto", "*/traffic_with_resotimestamp.json", "117", "a list with commas whose quotes were escaped for another format"),
    ("paloalto", "*/PaloAlto9xTemplatesTest.java", "list for CONFIG", "a custom format with the changes in the middle"),
    ("paloalto", "*/PaloAlto9xTemplatesTest.java", "list for HIPMATCH", "a placeholder instead of a time"),
    ("paloalto", "*/PaloAlto9xTemplatesTest.java", "NO_PROJECTION", "the GLOBALPROTECT layout of PAN-OS 9.1.0 to 9.1.2, which has other columns in front"),
    ("paloalto", "*/PaloAlto9xTemplatesTest.java", "TIME_MISSING", "no time: a record of commas"),
    ("paloalto", "*/PaloAltoCodecTest.java", "SYSTEM has", "a message with commas and without quotes"),
    ("paloalto", "*/globalprotect_csv.json", "the time is", "the project takes the time of receipt"),
    ("paloalto", "*/test_*.json", "the time is", "the project leaves out the offset of the time"),
    ("fortinet", "*.CSV.json", "NO_PROJECTION", "FortiGate's format csv, which the mapping does not read"),
    ("fortinet", "*/event_logdev.json", "NO_PROJECTION", "a log of FortiAnalyzer"),
    ("fortinet", "*/test_event_login_*.json", "TIME", "a log of FortiAuthenticator"),
    ("fortinet", "*/traffic_with_referrer.json", "TIME", "a log of FortiWeb"),
    ("fortinet", "decoders/0100-fortigate_decoders.xml", "TIME_UNREADABLE", "a log of FortiOS 4 of 2011, with other names and a blank in the time"),
    ("fortinet", "*", "TIME_MISSING", "no time: it was in a header that the project cut off"),
    ("cef", "*/cisco_esa*", "NO_PROJECTION", "a log of mails"),
    ("cef", "*/cyber_reason*", "NO_PROJECTION", "an alert that names no connection"),
    ("cef", "*/cyber_reason*", "src_endpoint", "one address only: OCSF requires a source"),
    ("cef", "*/imported_from_logstash.json", "NO_PROJECTION", "a download that names no connection"),
    ("cef", "Checkpoint/*", "NO_PROJECTION", "no address at all"),
    ("cef", "*", "TIME_MISSING", "no time: it was in a header that the project cut off"),
    ("cef", "*pan_ngfw*", "the time is", "the project takes the start of the session, not rt"),
    ("guardduty", "tests/data/aws/guardduty.py", "TIME_MISSING", "a part of a finding, without its times"),
]


def reason(mapping, file, text):
    for of, names, part, why in REASONS:
        if of == mapping and part in text and any(fnmatch.fnmatchcase(file, n) or fnmatch.fnmatchcase(os.path.basename(file), n) for n in names.split("|")):
            return why
    return None


# The judges: what is wrong in an event, by what the project or the record says. They know nothing of the mappings.


def at(value, path):
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def judge_intake(expected, event):
    """Compares an event with the fields of ECS that the project expects."""
    wrong = []
    for ours, theirs in (("src_endpoint.ip", "source.ip"), ("dst_endpoint.ip", "destination.ip"), ("src_endpoint.port", "source.port"), ("dst_endpoint.port", "destination.port")):
        if at(event, ours) is not None and at(expected, theirs) is not None and str(at(event, ours)) != str(at(expected, theirs)):
            wrong.append("%s is %s, not %s" % (ours, at(event, ours), at(expected, theirs)))
    names = [n.lower() for n in (at(event, "user.name"), at(event, "actor.user.name")) if n]
    user = at(expected, "user.name") or at(expected, "source.user.name")
    if names and user and not any(n in user.lower() or user.lower() in n for n in names):
        wrong.append("the user is %s, not %s" % (names, user))
    stamp = expected.get("@timestamp")
    if stamp:
        want = datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
        if abs(want - event["time"] / 1000) >= 1:
            wrong.append("the time is %d, not %d (%s)" % (event["time"] // 1000, want, stamp))
    return wrong


def leaves(value):
    if isinstance(value, dict):
        for v in value.values():
            yield from leaves(v)
    elif isinstance(value, list):
        for v in value:
            yield from leaves(v)
    elif value is not None:
        yield str(value)


def named(value, name):
    """All values of a key, at any depth."""
    if isinstance(value, dict):
        for k, v in value.items():
            if k == name:
                yield v
            yield from named(v, name)
    elif isinstance(value, list):
        for v in value:
            yield from named(v, name)


def judge_finding(finding, event):
    """Compares an event with the GuardDuty finding that it was."""
    wrong = []
    score = float(finding.get("severity", 0))
    for path, want in (("finding_info.uid", finding.get("id")), ("finding_info.title", finding.get("title")), ("cloud.account.uid", finding.get("accountId")),
                       ("cloud.region", finding.get("region")), ("severity_id", 5 if score >= 9 else 4 if score >= 7 else 3 if score >= 4 else 2)):
        if want is not None and at(event, path) != want:
            wrong.append("%s is %s, not %s" % (path, at(event, path), want))
    if event["finding_info"]["types"] != [finding["type"]]:
        wrong.append("the type is %s" % event["finding_info"]["types"])
    evidences, service = event.get("evidences") or [], finding.get("service", {})
    there = set(leaves(evidences))
    for action in (service.get("action") or {}).values():
        for details in named(action, "remoteIpDetails"):
            for key in ("ipAddressV4", "ipAddressV6"):
                if details.get(key) and details[key] not in there and not (key == "ipAddressV6" and details.get("ipAddressV4")):
                    wrong.append("no evidence has the remote address %s" % details[key])
        if isinstance(action, dict):
            for key in ("domain", "api"):
                if isinstance(action.get(key), str) and action[key] not in there:
                    wrong.append("no evidence has %s %s" % (key, action[key]))
    for key in ("hash", "executableSha256", "filePath", "nestedItemPath"):
        for text in named(service, key):
            if isinstance(text, str) and text and text not in there:
                wrong.append("no evidence has %s %s" % (key, text))
    resources = set(leaves(event.get("resources") or [])) | there
    for key in ("instanceId", "functionArn", "dbInstanceArn", "accessKeyId"):
        for text in named(finding.get("resource", {}), key):
            if text and text not in resources:
                wrong.append("no resource has %s %s" % (key, text))
    for bucket in finding.get("resource", {}).get("s3BucketDetails") or []:
        if bucket.get("arn") and bucket["arn"] not in resources:
            wrong.append("no resource is %s" % bucket["arn"])
    for cluster in ("eksClusterDetails", "ecsClusterDetails"):
        if at(finding, "resource.%s.arn" % cluster) and at(finding, "resource.%s.arn" % cluster) not in resources:
            wrong.append("no resource is the cluster")
    return wrong


def versions(mapping, records):
    """The releases of the product that wrote the records, where the records say so."""
    found = set()
    for record in records:
        if mapping == "paloalto":  # two bytes: 2561 is 10.1
            number = re.search(r",(?:TRAFFIC|THREAT|SYSTEM|CONFIG|USERID|GLOBALPROTECT|HIPMATCH|DECRYPTION|AUTH)[A-Z]*,[^,]*,(\d{4}),", record)
            if number and int(number[1]) >> 8 in range(7, 13) and int(number[1]) & 255 <= 2:
                found.add((int(number[1]) >> 8, int(number[1]) & 255))
        elif mapping == "fortinet":  # 704072463 is 7.4, and 60 is 6.0
            number = re.search(r"\blogver=\"?0?(\d)(\d\d|\d\b)", record)
            if number:
                found.add((int(number[1]), int(number[2])))
        elif mapping == "cef":
            head = re.search(r"CEF: ?[01]\|([^|]*)\|([^|]*)\|([^|]*)\|", record)
            if head and head[1]:
                release = re.match(r"v?(\d+\.\d+)", head[3]) if head[1] == "Fortinet" else None
                found.add(("FortiOS " + release[1] if release else head[1] + " " + head[2],))
        elif mapping == "guardduty":
            found.add(("schemaVersion " + json.loads(record).get("schemaVersion", "2.0"),))
    return [".".join(str(n) for n in v) for v in sorted(found)]


def digest(mapping):
    """What the mapping was when it was tried."""
    h = hashlib.sha256()
    for name in sorted(glob.glob(os.path.join(ROOT, "sql", mapping, "*.sql"))):
        with open(name, "rb") as f:
            h.update(os.path.basename(name).encode() + b"\0" + f.read() + b"\0")
    return h.hexdigest()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-etl", default=os.path.join(ROOT, "bin", "etl"), help="the program (default: bin/etl)")
    p.add_argument("-repos", help="folder with clones of the projects (default: fetch them)")
    p.add_argument("-only", help="one mapping (default: all; then nothing is written)")
    args = p.parse_args()
    rows, projects = [], {}
    with tempfile.TemporaryDirectory() as temp:
        for mapping, name, pattern, read, fits in SETS:
            if args.only not in (None, mapping):
                continue
            project = projects.setdefault(name, None) or Project(name, args.repos, temp)
            projects[name] = project
            records = []
            for file in project.files(pattern):
                records += [(file, r, e) for r, e in read(project.text(file)) if fits is None or fits(r)]
            row = {"mapping": mapping, "project": name, "commit": project.commit, "files": pattern, "tried": len(records), "versions": versions(mapping, [r for _, r, _ in records]), "classes": {}, "right": 0, "unchecked": 0, "filtered": 0,
                   "refused": {}, "differs": {}, "wrong": 0}
            for (file, record, expected), result in zip(records, preview(args.etl, mapping, [r for _, r, _ in records], temp)):
                where = "%s %s" % (mapping, file)
                if result.get("filtered"):
                    row["filtered"] += 1
                    continue
                if "reason" in result:
                    texts, found = [result["reason"] + ": " + result["message"]], row["refused"]
                else:
                    row["classes"][result["class"]] = row["classes"].get(result["class"], 0) + 1
                    texts, found = judge_finding(json.loads(record), result["ocsf"]) if mapping == "guardduty" else judge_intake(expected, result["ocsf"]), row["differs"]
                whys = [reason(mapping, file, t) for t in texts]
                if not texts and (expected or mapping == "guardduty"):
                    row["right"] += 1
                elif not texts:
                    row["unchecked"] += 1
                elif None in whys:
                    row["wrong"] += 1
                    print("wrong", where, texts)
                else:
                    found[whys[0]] = found.get(whys[0], 0) + 1
            rows.append(row)
    if args.only is None:
        with open(os.path.join(ROOT, "scripts", "samples", "results.json"), "w") as f:
            json.dump({"mappings": {m: digest(m) for m in sorted({r["mapping"] for r in rows})}, "sets": rows}, f, indent=1, sort_keys=True)
            f.write("\n")


if __name__ == "__main__":
    main()
