"""Events of CrowdStrike's Event Streams API: how they are read from tests, and the judge, which knows nothing of the mapping."""
import datetime, json, re

WORDS = {"informational": 1, "info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
AUDITS = ("AuthActivityAuditEvent", "UserActivityAuditEvent", "APIActivityAuditEvent")
# The activity of audit events by their operation.
ACTIVITIES = {"grantUserRoles": 1, "createUser": 1, "CreateAPIClient": 1, "CreateAllowlistGroup": 1, "deleteUser": 4, "DeleteAPIClients": 4, "DeleteAllowlistGroup": 4, "UpdateAllowlistGroup": 3,
              "changePassword": 3, "detection_update": 3, "streamStarted": 99, "streamStopped": 99, "logged": 99}


def is_event(record):
    return isinstance(record, dict) and {"metadata", "event"} <= record.keys() and "eventType" in record["metadata"] and "offset" in record["metadata"]


def intake(text):
    """An event in a test of SEKOIA.IO's intake formats. Vertex records are of its own connector."""
    record = json.loads(json.loads(text)["input"]["message"])
    return [(json.dumps(record), {})] if is_event(record) else []


def tests_in_yaml(text):
    """Events in the tests of rules of Panther."""
    import yaml
    logs = [t.get("Log") for t in (yaml.safe_load(text) or {}).get("Tests") or []]
    return [(json.dumps(log, default=str), {}) for log in logs if is_event(log)]


def milliseconds(v):
    """A time: seconds or milliseconds since 1970, FILETIME, or a text in UTC."""
    if isinstance(v, str) and not v.isdigit():
        return int(datetime.datetime.fromisoformat(v[:26].replace(" ", "T") + "+00:00").timestamp() * 1000)
    v = int(v)
    return v * 1000 if v < 10**11 else v if v < 10**15 else v // 10000 - 11644473600000


def first(e, *names):
    return next((str(e[n]) for n in names if e.get(n) not in (None, "", "N/A")), None)


def judge(record, result):
    """Compares an event with the record that it was."""
    raw, event, wrong = json.loads(record), result["ocsf"], []
    kind, e = raw["metadata"]["eventType"], raw["event"]
    login = e.get("OperationName") in ("twoFactorAuthenticate", "userAuthenticate")
    want = "incident_finding" if kind == "IncidentSummaryEvent" else "detection_finding" if kind not in AUDITS else "authentication" if login else "api_activity"
    def same(what, got, expected):
        if got != expected:
            wrong.append("%s is %r, not %r" % (what, got, expected))
    same("the class", result["class"], want)
    same("the time", event["time"], milliseconds(raw["metadata"]["eventCreationTime"]))
    same("the event code", event["metadata"].get("event_code"), kind)
    if kind in AUDITS:
        same("the activity", event["activity_id"], 1 if login else ACTIVITIES.get(e.get("OperationName")))
        same("the status", event["status_id"], {True: 1, False: 2, None: 0}[e.get("Success")])
        same("the user", ((event if login else event.get("actor") or {}).get("user") or {}).get("name"), first(e, "UserId"))
        same("the address", (event.get("src_endpoint") or {}).get("ip"), first(e, "UserIp"))
    if want == "incident_finding":
        same("the identifier", event["finding_info_list"][0]["uid"], first(e, "IncidentID", "IncidentId"))
    if want == "detection_finding":
        info, pieces = event["finding_info"], event.get("evidences") or []
        same("the identifier", info["uid"], first(e, "CompositeId", "DetectId", "IdentityProtectionIncidentId") or "%s:%d" % (raw["metadata"]["customerIDString"], raw["metadata"]["offset"]))
        same("the title", info["title"], first(e, "Name", "DetectName", "IncidentType"))
        score = int(e.get("Severity") or 0)
        same("the severity", event["severity_id"], WORDS[e["SeverityName"].lower()] if e.get("SeverityName") else score // 20 + 1 if score >= 10 else 0)
        same("the host", (event.get("device") or {}).get("name"), first(e, "Hostname", "ComputerName"))
        same("the link", info.get("src_url"), first(e, "FalconHostLink"))
        text = e.get("PatternDispositionDescription") or ""
        same("the disposition", event.get("disposition"), "Blocked" if text.startswith("Prevention") else "Detected" if text.startswith("Detection") else None)
        process = next((p["process"] for p in pieces if p.get("process")), {})
        same("the process", process.get("uid"), first(e, "ProcessId"))
        same("the command", process.get("cmd_line"), first(e, "CommandLine") if first(e, "ProcessId") else None)
        if e.get("ProcessStartTime"):
            same("the start", process.get("created_time"), milliseconds(e["ProcessStartTime"]))
        if e.get("FilePath") and e.get("FileName"):
            file = process.get("file") or next((p["file"] for p in pieces if p.get("file")), {})
            folder = e["FilePath"]
            same("the path", file.get("path"), folder if folder.endswith(e["FileName"]) else re.sub(r"[\\/]$", "", folder) + ("\\" if "\\" in folder else "/") + e["FileName"])
            same("the hash", next((h["value"] for h in file.get("hashes") or [] if h["algorithm_id"] == 3), None), first(e, "SHA256String"))
        same("the user", next(((p["actor"]["user"] or {}).get("name") for p in pieces if p.get("actor")), None), first(e, "SourceAccountName") or (first(e, "UserName") or "").split("\\")[-1] or None)
        ends = [(p["dst_endpoint"]["ip"], p["dst_endpoint"]["port"]) for p in pieces if p.get("connection_info")]
        same("the connections", ends, [(c["RemoteAddress"], c["RemotePort"]) for c in e.get("NetworkAccesses") or e.get("MobileNetworkConnections") or []])
        techniques = {m["TechniqueID"] for m in e.get("MitreAttack") or [] if re.match(r"T\d", m.get("TechniqueID", ""))}
        same("the techniques", {(a.get("sub_technique") or a.get("technique"))["uid"] for a in info.get("attacks") or [] if (a.get("technique") or {}).get("uid")},
             techniques or {t for t in [e.get("TechniqueId", "")] if re.match(r"T\d", t)})
    everything = json.dumps([event, result.get("unmapped")], ensure_ascii=False)
    for name, value in e.items():
        if isinstance(value, str) and value not in ("", "N/A", "0" * 40) and json.dumps(value, ensure_ascii=False)[1:-1] not in everything and not (name == "UserName" and "\\" in value) and not name.endswith(("Time", "Timestamp")) and name != "State":
            wrong.append("%s is lost: %r" % (name, value))
    return wrong
