#!/usr/bin/env python3
"""Tries the shipped mappings on logs that other projects publish, and writes counts to scripts/samples/results.json.

The logs are read from clones of the projects: from -repos (owner/name or owner+name below it), else they are fetched from GitHub
into a temporary folder. Only counts are kept. `make samples` runs this, and then `go test ./docs -update` writes docs/samples.md.
Logs of Windows in its own format need the package of requirements.txt.

What a project expects of its own record (addresses, user, time) is compared with the event, if the project says so. Events of
Cisco, GuardDuty, Network Firewall, Application Load Balancers, AppFabric, CloudTrail, EKS, Security Hub, Sysmon and the Security log of Windows are compared with the record itself, field by field.
"""
import argparse, glob, hashlib, json, os, re, subprocess, sys, tempfile

import lake
import entra, falcon, okta, suricata, sysmon, winsecurity, zeek
from aws_audit import audit_events, documents, findings, intake_events, intake_findings, judge_cloudtrail, judge_eks, judge_security_hub
from judges import JUDGES, judge_intake
from reasons import reason
from sources import Project, accesslog, ciscolog, decoded, events, events_of_ocsf, intake, lines, literals, messages, objectlog, objects, ocsf, output, texts

JUDGES.update({"vpc-flow": lake.judge_flow, "route53-resolver": lake.judge_query, "aws-waf": lake.judge_request})
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

JUDGES["zeek"] = lambda record, expected, result: zeek.judge(record, result)
JUDGES["crowdstrike-falcon"] = lambda record, expected, result: falcon.judge(record, result)
JUDGES["windows-security"] = lambda record, expected, result: winsecurity.judge(record, result)
JUDGES["entra-signin"] = lambda record, expected, result: entra.judge(record, result)
JUDGES["suricata"] = lambda record, expected, result: suricata.judge(json.loads(record), result)

# What is tried: mapping, project, files, how they are read, and which records of them are in the mapping's format.
CSV = re.compile(r"(?:^|[ :])\d+,\d[\d/-]+[ T][\d:.]+Z?,")
CISCO = re.compile(r"%(?:ASA|FTD|NGIPS)-")
KV = re.compile(r"(?:^|[ >,])(?:type|logid|devname)=")
SETS = [
    ("paloalto", "SEKOIA-IO/intake-formats", "Palo Alto Networks/paloalto-*/tests/*.json", decoded(intake), lambda r: bool(CSV.search(r[:120])) and "CEF:" not in r[:200]),
    ("paloalto", "PaloAltoNetworks/Splunk-Apps", "demo/samples/pan_globalprotect.samplelog", decoded(lines), None),
    ("paloalto", "PaloAltoNetworks/Splunk-Apps", "demo/samples/pan_correlation.samplelog", decoded(lines), None),
    ("paloalto", "Graylog2/graylog-plugin-integrations", "src/test/java/*/paloalto*/*.java", decoded(texts), lambda r: bool(CSV.search(r[:120]))),
    ("fortinet", "SEKOIA-IO/intake-formats", "Fortinet/fortigate/tests/*.json", decoded(intake), lambda r: bool(KV.search(r)) and "|Fortinet|" not in r),
    ("fortinet", "wazuh/wazuh-ruleset", "decoders/0100-fortigate_decoders.xml", decoded(lines), lambda r: r.startswith("date=") or " date=2" in r),
    ("cef", "SEKOIA-IO/intake-formats", "CEF/cef/tests/*.json", decoded(intake), lambda r: "CEF:" in r),
    ("cef", "SEKOIA-IO/intake-formats", "Fortinet/fortigate/tests/*.json", decoded(intake), lambda r: "CEF:" in r),
    ("cef", "SEKOIA-IO/intake-formats", "Palo Alto Networks/paloalto-*/tests/*.json", decoded(intake), lambda r: "CEF:" in r),
    ("cef", "SEKOIA-IO/intake-formats", "Checkpoint/checkpoint/tests/*.json", decoded(intake), lambda r: "CEF:" in r),
    ("cef", "SEKOIA-IO/intake-formats", "SonicWall/sonicwall-fw/tests/*.json", decoded(intake), lambda r: "CEF:" in r),
    ("cisco-asa", "SEKOIA-IO/intake-formats", "Cisco/cisco-secure-firewall/tests/*.json", decoded(intake), lambda r: bool(CISCO.search(r))),
    ("cisco-asa", "wazuh/wazuh-ruleset", "decoders/0064-cisco-asa_decoders.xml|tools/rules-testing/tests/cisco_asa.ini", decoded(ciscolog), None),
    ("cisco-asa", "ocsf/examples", "mappings/markdown/Cisco/*.raw", decoded(lines), lambda r: bool(CISCO.search(r))),
    ("guardduty", "SEKOIA-IO/intake-formats", "AWS/aws-guardduty/tests/*.json", decoded(intake), None),
    ("guardduty", "blu371ck/GuardDuty-SOAR", "samples/*.json", decoded(events), None),
    ("guardduty", "cartography-cncf/cartography", "tests/data/aws/guardduty.py", decoded(literals), None),
    ("guardduty", "aws/aws-cli", "awscli/examples/guardduty/get-findings.rst", decoded(output), None),
    ("guardduty", "cloud-custodian/cloud-custodian", "tests/data/cwe/*-duty-event.json", decoded(events), None),
    ("okta", "SEKOIA-IO/intake-formats", "Okta/okta-system-logs/tests/*.json", decoded(intake), None),
    ("okta", "tenzir/library", "okta/tests/inputs/system-log.ndjson", decoded(lines), None),
    ("okta", "ocsf/examples", "mappings/markdown/Okta/*.raw", decoded(okta.objects_of_text), None),
    ("okta", "panther-labs/panther-analysis", "rules/okta_rules/*.yml", decoded(okta.tests_in_yaml), None),
    ("crowdstrike-falcon", "SEKOIA-IO/intake-formats", "CrowdStrike/crowdstrike_falcon/tests/*.json", decoded(falcon.intake), None),
    ("crowdstrike-falcon", "panther-labs/panther-analysis", "rules/crowdstrike_rules/*.yml", decoded(falcon.tests_in_yaml), None),
    ("entra-signin", "SEKOIA-IO/intake-formats", "Azure/azure-ad/tests/*.json|Microsoft/microsoft-entraid-graphapi/tests/test_signin.json", decoded(entra.intake), None),
    ("entra-signin", "panther-labs/panther-analysis", "rules/azure_signin_rules/*.yml", decoded(entra.tests_in_yaml), None),
    ("network-firewall", "SEKOIA-IO/intake-formats", "Suricata/suricata/tests/*.json", decoded(messages), None),
    ("network-firewall", "tenzir/library", "suricata/tests/inputs/*.json", decoded(objects), None),
    ("network-firewall", "StamusNetworks/SELKS", "doc/example-logs/*.json", decoded(objects), None),
    ("network-firewall", "RIT-MESH/aws-network-firewall-security-hub", "tests/fixtures/sample-alert-logs.json", decoded(objects), None),
    ("network-firewall", "FrankHassanabad/suricata-sample-data", "samples/*/alerts-only.json", decoded(objects), None),
    ("network-firewall", "dynatrace-oss/dynatrace-aws-s3-log-forwarder", "src/log/processing/rules/aws/network-firewall.yaml", decoded(objects), None),
    ("network-firewall", "OISF/suricata", "doc/userguide/*.rst", decoded(objects), None),
    ("network-firewall", "wazuh/wazuh-ruleset", "rules/0475-suricata_rules.xml", decoded(objects), None),
    ("network-firewall", "jasonish/evebox", "src/util/pcap.rs", decoded(objects), None),
    ("network-firewall", "aws-samples/amazon-security-lake-transformation-library", "mapping_docs/aws-network-firewall-mapping.md", decoded(objects), None),
    ("suricata", "SEKOIA-IO/intake-formats", "Suricata/suricata/tests/*.json", decoded(suricata.eve), None),
    ("suricata", "tenzir/library", "suricata/tests/inputs/*.json", decoded(suricata.eve), None),
    ("suricata", "StamusNetworks/SELKS", "doc/example-logs/*.json", decoded(suricata.eve), None),
    ("suricata", "josevnz/SuricataLog", "test/*.json", decoded(suricata.eve), None),
    ("suricata", "stratosphereips/StratosphereLinuxIPS", "dataset/*.suricata.json", decoded(suricata.eve), None),
    ("suricata", "protectwise/suricata-ipc", "src/*.rs", decoded(suricata.eve), None),
    ("suricata", "FrankHassanabad/suricata-sample-data", "samples/*/alerts-only.json", decoded(suricata.eve), None),
    ("suricata", "solomonneas/suricata-mcp", "test-data/eve.json", decoded(suricata.eve), None),
    ("suricata", "OISF/suricata-verify", "tests/*/expected/eve.json", decoded(suricata.eve), None),
    ("suricata", "OISF/suricata", "doc/userguide/*.rst", decoded(suricata.eve), None),
    ("suricata", "jasonish/evebox", "src/*.rs", decoded(suricata.eve), None),
    ("zeek", "tenzir/library", "zeek/tests/inputs/*.log", decoded(zeek.logs), None),
    ("zeek", "brimdata/zed-sample-data", "zeek-default/*.log.gz", zeek.packed, None),
    ("zeek", "brimdata/zed-sample-data", "zeek-json/*.json.gz", zeek.packed, None),
    ("zeek", "stratosphereips/StratosphereLinuxIPS", "dataset/*/*.log|dataset/*/*.log.labeled", decoded(zeek.logs), None),
    ("zeek", "zeek/zeek", "*/Baseline/*/conn.log|*/dns.log|*/http.log|*/ssl.log|*/files.log|*/notice.log", decoded(zeek.logs), None),
    ("aws-alb", "vectordotdev/vrl", "src/stdlib/parse_aws_alb_log.rs", decoded(accesslog), None),
    ("aws-alb", "log2timeline/plaso", "test_data/aws_elb_access.log", decoded(accesslog), None),
    ("aws-alb", "nekrassov01/access-log-parser", "*_test.go", decoded(accesslog), None),
    ("aws-alb", "shinsaka/fluent-plugin-elb-log", "test/plugin/in_elb_log.rb", decoded(accesslog), None),
    ("aws-alb", "simnalamburt/elb-log-parser", "*.rs|*.md", decoded(accesslog), None),
    ("aws-alb", "sepich/alb-logs-shipper", "line_test.go", decoded(accesslog), None),
    ("aws-alb", "jSherz/alb-logs-parser", "test/Parser.spec.ts", decoded(accesslog), None),
    ("aws-alb", "jSherz/alb-logs-parser", "test/*.log.gz", objectlog, None),
    ("aws-alb", "pixelvide/otel-alb-log-parser", "pkg/parser/alb_parser_test.go", decoded(accesslog), None),
    ("aws-alb", "cloud-gov/cg-elb-log-ingestor", "tests/examples-from-docs.log", decoded(accesslog), None),
    ("aws-alb", "dynatrace-oss/dynatrace-aws-s3-log-forwarder", "tests/unit/log/processing/rules/test_attribute_extraction.py", decoded(accesslog), None),
    ("appfabric", "aws-samples/appfabric-sample-log-generator", "cdk-stacks/lib/templates/AWSAppFabric/*.json", decoded(ocsf), None),
    ("appfabric", "dynatrace-oss/dynatrace-aws-s3-log-forwarder", "tests/unit/log/processing/rules/test_attribute_extraction.py", decoded(events_of_ocsf), None),
    ("cloudtrail", "invictus-ir/aws_dataset", "CloudTrail/*.json", documents, None),
    ("cloudtrail", "SEKOIA-IO/intake-formats", "AWS/aws-cloudtrail/tests/*.json", intake_events, None),
    ("cloudtrail", "aws-samples/amazon-security-lake-ocsf-validation", "samples/*/input/*.gz", documents, None),
    ("cloudtrail", "ocsf/examples", "mappings/markdown/AWS/v1.1.0/CloudTrail/*.raw", documents, None),
    ("vpc-flow", "SEKOIA-IO/intake-formats", "AWS/aws-flow-logs/tests/*.json", decoded(lake.flowintake), None),
    ("vpc-flow", "vectordotdev/vrl", "src/stdlib/parse_aws_vpc_flow_log.rs", decoded(lake.flowtests), None),
    ("vpc-flow", "tenzir/library", "amazon/tests/inputs/cloudwatch-v*.ndjson", decoded(lake.flowcloudwatch), None),
    ("route53-resolver", "tenzir/library", "amazon/tests/inputs/route53-query-logs.ndjson", decoded(lake.queries), None),
    ("route53-resolver", "panther-labs/panther-analysis", "rules/*/*.yml", decoded(lake.queries), None),
    ("route53-resolver", "dynatrace-oss/dynatrace-aws-s3-log-forwarder", "tests/unit/log/processing/rules/test_attribute_extraction.py", decoded(lake.querydicts), None),
    ("route53-resolver", "ocsf/examples", "mappings/markdown/AWS/*/Route53/samples/*.raw", decoded(lake.queries), None),
    ("route53-resolver", "ocsf/examples", "mappings/bloblang/AWS/route53/*/samples/*.raw", decoded(lake.queries), None),
    ("route53-resolver", "aws-samples/amazon-security-lake-ocsf-validation", "samples/*/ROUTE53/inputs/*.gz", lake.packedqueries, None),
    ("aws-waf", "SEKOIA-IO/intake-formats", "AWS/aws-waf/tests/*.json", decoded(lake.requestintake), None),
    ("aws-waf", "dynatrace-oss/dynatrace-aws-s3-log-forwarder", "tests/unit/log/processing/rules/test_attribute_extraction.py", decoded(lake.requestdicts), None),
    ("aws-waf", "ocsf/examples", "mappings/markdown/AWS/*/WAF/Samples/*.raw", decoded(lake.requests), None),
    ("aws-waf", "panther-labs/panther-analysis", "rules/aws_waf_rules/*.yml", decoded(lake.requestrules), None),
    ("eks-audit", "panther-labs/panther-analysis", "rules/aws_eks_rules/*.yml|rules/kubernetes_rules/*.yml", audit_events, None),
    ("eks-audit", "SEKOIA-IO/intake-formats", "Kubernetes/audit-log/tests/*.json", audit_events, None),
    ("eks-audit", "ocsf/examples", "mappings/markdown/AWS/v1.1.0/EKS Audit Logs/samples/*.raw", audit_events, None),
    ("eks-audit", "falcosecurity/plugins", "plugins/k8saudit*/*_test.go|plugins/k8saudit/*.json", audit_events, None),
    ("security-hub", "aws-solutions/automated-security-response-on-aws", "simtest/simdata/*.json", findings, None),
    ("security-hub", "cloud-custodian/cloud-custodian", "tests/data/cwe/event-securityhub-*.json|tests/data/placebo/*/securityhub.GetFindings_*.json", findings, None),
    ("security-hub", "aws-samples/amazon-security-lake-ocsf-validation", "samples/*/SH_FINDINGS/inputs/*.gz", findings, None),
    ("security-hub", "ocsf/examples", "mappings/markdown/AWS/v1.1.0/Security Hub/*.raw", findings, None),
    ("security-hub", "SEKOIA-IO/intake-formats", "OCSF/ocsf/tests/*.json", intake_findings, None),
    ("security-hub", "ocsf/examples", "mappings/markdown/AWS/v1.1.0/Security Hub/*.ocsf", findings, None),
    ("windows-security", "SEKOIA-IO/intake-formats", "Beats/winlogbeat/tests/*.json", decoded(winsecurity.intake), None),
    ("windows-security", "SEKOIA-IO/intake-formats", "Windows/windows/tests/*.json", decoded(winsecurity.intake), None),
    ("windows-security", "SEKOIA-IO/intake-formats", "Azure/azure-windows/tests/*.json", decoded(winsecurity.intake), None),
    ("windows-security", "OTRF/Security-Datasets", "datasets/atomic/windows/*/host/*.zip", winsecurity.mordor, None),
    ("windows-sysmon", "SEKOIA-IO/intake-formats", "Windows/windows/tests/*.json", decoded(sysmon.windows), None),
    ("windows-sysmon", "SEKOIA-IO/intake-formats", "Beats/winlogbeat/tests/*.json", decoded(sysmon.winlogbeat), None),
    ("windows-sysmon", "SEKOIA-IO/intake-formats", "Azure/azure-windows/tests/*.json", decoded(sysmon.azure), None),
    ("windows-sysmon", "OTRF/Security-Datasets", "datasets/atomic/windows/*/host/*.zip", sysmon.mordor, None),
    ("windows-sysmon", "SigmaHQ/sigma", "regression_data/*.json", decoded(sysmon.sigma), None),
    ("windows-sysmon", "sbousseaden/EVTX-ATTACK-SAMPLES", "*.evtx", sysmon.evtx, None),
    ("windows-sysmon", "mdecrevoisier/EVTX-to-MITRE-Attack", "*.evtx", sysmon.evtx, None),
]
JUDGES["security-hub"] = lambda record, expected, result: judge_security_hub(record, result)
JUDGES["eks-audit"] = lambda record, expected, result: judge_eks(record, result)
JUDGES["cloudtrail"] = lambda record, expected, result: judge_cloudtrail(record, result)


def preview(etl, mapping, records, temp):
    """What becomes of the records, one each."""
    if mapping == "vpc-flow":  # records of each format are an object, whose first line names the fields
        formats = {}
        for i, record in enumerate(records):
            formats.setdefault(tuple(json.loads(record)), []).append(i)
        results = [None] * len(records)
        for names, places in formats.items():
            lines = [" ".join(n.replace("_", "-") for n in names)] + [" ".join(json.loads(records[i]).values()) for i in places]
            for i, result in zip(places, previewed(etl, mapping, lines, ".log", temp)):
                results[i] = result
        return results
    suffix = {"paloalto": ".csv", "cef": ".log", "fortinet": ".log", "cisco-asa": ".log", "aws-alb": ".log", "zeek": ".log"}.get(mapping, ".jsonl")
    lines = [json.dumps(json.loads(r)) if suffix == ".jsonl" else r.strip("\r\n").replace("\n", " ") for r in records]
    if mapping == "zeek":  # the lines that name the columns of a record are above it
        lines = records
    results = previewed(etl, mapping, lines, suffix, temp)
    if len(results) != len(records):
        sys.exit("%s: %d records became %d" % (mapping, len(records), len(results)))
    return results


def previewed(etl, mapping, lines, suffix, temp):
    """What becomes of an object with these lines."""
    path = os.path.join(temp, mapping + suffix)
    with open(path, "w") as f:
        f.writelines(line + "\n" for line in lines)
    job = os.path.join(temp, "job.yaml")
    with open(job, "w") as f:  # records of any age
        json.dump({"name": "samples", "source": {"staging": temp + "/staging"}, "mapping": os.path.join(ROOT, "sql", mapping), "state": temp + "/state",
                   "lake": {"location": temp + "/lake", "source_name": "samples", "region": "us-east-1", "account_id": "111122223333"},
                   "catalog": {"type": "local", "database": "samples"}, "event_days": {"max_age": "20000d", "max_future": "20000d"}}, f)
    out = subprocess.run([etl, "preview", job, path, "--limit", "100000", "-o", "json"], capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(out.stderr)
    return [json.loads(line) for line in out.stdout.splitlines()]


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
        elif mapping == "crowdstrike-falcon":
            found.add((json.loads(record)["metadata"]["eventType"],))
        elif mapping == "entra-signin":
            found.add((json.loads(record).get("category", "Graph v1.0"),))
        elif mapping == "okta":
            found.add(("version " + str(json.loads(record).get("version", "0")),))
        elif mapping == "cisco-asa":
            found.add(({"ASA": "ASA", "FTD": "FTD", "NGIPS": "NGIPS"}[re.search(r"%([A-Z]+)-", record)[1]],))
        elif mapping == "cef":
            head = re.search(r"CEF: ?[01]\|([^|]*)\|([^|]*)\|([^|]*)\|", record)
            if head and head[1]:
                release = re.match(r"v?(\d+\.\d+)", head[3]) if head[1] == "Fortinet" else None
                found.add(("FortiOS " + release[1] if release else head[1] + " " + head[2],))
        elif mapping == "guardduty":
            found.add(("schemaVersion " + json.loads(record).get("schemaVersion", "2.0"),))
        elif mapping == "network-firewall":
            event = json.loads(record)["event"]
            found.add(("Suricata 8",) if "ip_v" in event else ("Suricata 7",) if {"verdict", "direction", "pkt_src"} & set(event) else ("Suricata 6 or earlier",))
        elif mapping in ("vpc-flow", "route53-resolver", "aws-waf"):
            number = json.loads(record).get("formatVersion" if mapping == "aws-waf" else "version")
            found.update([("version %s" % number,)] if number else [])
        elif mapping == "suricata":
            found.add((suricata.version(json.loads(record)),))
        elif mapping == "zeek":
            found.add(("JSON" if record.startswith("{") else "text",))
        elif mapping == "aws-alb":
            found.add(("%d columns" % len(re.findall(r'"(?:[^"\\]|\\.)*"|\S+', record)),))
        elif mapping == "cloudtrail":
            found.add(("eventVersion " + json.loads(record)["Records"][0].get("eventVersion", "?"),))
        elif mapping == "eks-audit":
            found.add((json.loads(record).get("apiVersion", "audit.k8s.io/v1"),))
        elif mapping == "security-hub":
            found.add((json.loads(record).get("ProductName") or json.loads(record).get("ProductArn", "/OCSF").split("/")[-1],))
        elif mapping == "appfabric":
            found.add((json.loads(record)["metadata"]["product"]["name"],))
        elif mapping == "windows-security":
            event = json.loads(record)
            found.add(("event XML" if "raw_xml" in event else "Winlogbeat" if "winlog" in event else "NXLog",))
        elif mapping == "windows-sysmon":  # 13.30 adds users, and 10.0 the original file name of a process
            event = json.loads(record)
            number, text = event["EventId"], event["Description"]
            if number == 1:
                found.add(("Sysmon 13.30 or later",) if "\nParentUser: " in text else ("Sysmon 10 to 13.24",) if "\nOriginalFileName: " in text else ("Sysmon before 10",))
            elif number in range(5, 19) and re.search(r"\n(?:Source)?User: ", text):
                found.add(("Sysmon 13.30 or later",))
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
    p.add_argument("-only", help="one mapping, of which the counts are replaced (default: all)")
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
                records += [(file, r, e) for r, e in read(project.content(file)) if fits is None or fits(r)]
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
                    texts, found = JUDGES[mapping](record, expected, result) if mapping in JUDGES else judge_intake(expected, result["ocsf"]), row["differs"]
                whys = [reason(mapping, file, t) for t in texts]
                if not texts and (expected or mapping in JUDGES):
                    row["right"] += 1
                elif not texts:
                    row["unchecked"] += 1
                elif None in whys:
                    row["wrong"] += 1
                    print("wrong", where, texts)
                else:
                    found[whys[0]] = found.get(whys[0], 0) + 1
            rows.append(row)
            print("%s, %s: %d tried, %d right, %d wrong" % (mapping, name, row["tried"], row["right"], row["wrong"]))
    path = os.path.join(ROOT, "scripts", "samples", "results.json")
    mappings = {r["mapping"] for r in rows}
    with open(path) as f:
        old = json.load(f)
    digests = {m: d for m, d in old["mappings"].items() if args.only and m not in mappings}
    rows += [r for r in old["sets"] if r["mapping"] in digests]
    order = [(m, n, p) for m, n, p, _, _ in SETS]
    with open(path, "w") as f:
        json.dump({"mappings": digests | {m: digest(m) for m in mappings}, "sets": sorted(rows, key=lambda r: order.index((r["mapping"], r["project"], r["files"])))}, f, indent=1, sort_keys=True)
        f.write("\n")


if __name__ == "__main__":
    main()
