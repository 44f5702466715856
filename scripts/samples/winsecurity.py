"""Events of the Security log of Windows: how they are read, and the judge, which knows nothing of the mapping."""
import datetime, io, json, re, xml.etree.ElementTree, zipfile

import sysmon

# The events that become something else than a base event: class and activity.
KINDS = {1102: ("entity_management", 99), 4624: ("authentication", 1), 4625: ("authentication", 1), 4634: ("authentication", 2), 4647: ("authentication", 2), 4648: ("authentication", 1),
         4672: ("authorize_session", 1), 4688: ("process_activity", 1), 4689: ("process_activity", 2), 4720: ("account_change", 1), 4722: ("account_change", 2), 4723: ("account_change", 3),
         4724: ("account_change", 4), 4725: ("account_change", 5), 4726: ("account_change", 6), 4738: ("account_change", 99), 4740: ("account_change", 9), 4741: ("account_change", 1),
         4742: ("account_change", 99), 4743: ("account_change", 6), 4767: ("account_change", 99), 4781: ("account_change", 99), 4768: ("authentication", 3), 4769: ("authentication", 4),
         4770: ("authentication", 5), 4771: ("authentication", 3), 4776: ("authentication", 99), 4798: ("entity_management", 2), 4799: ("entity_management", 2)}
KINDS.update({i: ("group_management", {"add": 3, "remove": 4, "delete": 5, "create": 6, "change": 99}[k]) for k, ids in {
    "create": (4727, 4731, 4744, 4749, 4754, 4759), "add": (4728, 4732, 4746, 4751, 4756, 4761), "remove": (4729, 4733, 4747, 4752, 4757, 4762), "delete": (4730, 4734, 4748, 4753, 4758, 4763),
    "change": (4735, 4737, 4745, 4750, 4755, 4760, 4764)}.items() for i in ids})
LOGON_TYPES = {0: "System", 2: "Interactive", 3: "Network", 4: "Batch", 5: "OS Service", 7: "Unlock", 8: "Network Cleartext", 9: "New Credentials", 10: "Remote Interactive", 11: "Cached Interactive",
               12: "Cached Remote Interactive", 13: "Cached Unlock"}


def security(event):
    log = event.get("winlog") or {}
    return str(event.get("Channel") or log.get("channel") or event.get("log_name") or "").lower() == "security"


def intake(text):
    """The event of a test of SEKOIA.IO's intake formats: of Winlogbeat or NXLog as it is, of the Azure diagnostics extension its XML in a field."""
    event = sysmon.message(text)
    inner = event.get("properties") or {}
    if inner.get("Channel") == "Security" and inner.get("RawXml"):
        return [(json.dumps({"raw_xml": inner["RawXml"]}), {})]
    return [(json.dumps(event), {})] if security(event) else []


def mordor(content, most=5):
    """Some events of each kind of a zip file with lines of NXLog."""
    found, counts = [], {}
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:
        return []
    for name in sorted(archive.namelist()):
        for line in archive.read(name).decode("utf-8", "replace").splitlines() if name.endswith(".json") else []:
            if '"Security"' not in line and '"security"' not in line:
                continue
            event = json.loads(line)
            number = event.get("EventID") or (event.get("winlog") or {}).get("event_id") if isinstance(event, dict) else None
            if number is None or not security(event) or int(number) not in KINDS or counts.get(number, 0) >= most:
                continue
            counts[number] = counts.get(number, 0) + 1
            found.append((json.dumps(event), {}))
    return found


def parts(raw):
    """The number, the values, the computer and the time (None: not known without a time zone) of an event."""
    if "raw_xml" in raw:
        root = xml.etree.ElementTree.fromstring(raw["raw_xml"])
        tags = {e.tag.split("}")[-1]: e for e in root.iter()}
        data = {d.get("Name"): d.text for d in root.iter() if d.tag.endswith("}Data")}
        return int(tags["EventID"].text), data, tags["Computer"].text, tags["TimeCreated"].get("SystemTime")
    log = raw.get("winlog")
    if log:
        data = dict(log.get("event_data") or {})
        data.update(log.get("user_data") or {})
        return int(log["event_id"]), data, log.get("computer_name"), raw.get("@timestamp")
    data = {k: v for k, v in raw.items() if isinstance(v, (str, int))}
    return int(raw["EventID"]), data, raw.get("Hostname") or raw.get("HOSTNAME"), str(raw.get("EventTime") or raw.get("TimeCreated") or raw.get("@timestamp"))


def known(value):
    return None if value is None or str(value) in ("-", "", "S-1-0-0", "NULL SID", "0x0", "{00000000-0000-0000-0000-000000000000}") else str(value)


def number(text):
    return None if text is None else int(text, 16) if str(text).startswith("0x") else int(text)


def at(event, path):
    for name in path.split("."):
        event = (event or {}).get(name)
    return event


def judge(record, result):
    """Compares an event with the record that it was."""
    raw, event, wrong = json.loads(record), result["ocsf"], []
    id, data, computer, when = parts(raw)

    def same(path, want, what):
        if at(event, path) != want:
            wrong.append("%s is %r, not %s %r" % (path, at(event, path), what, want))

    want = KINDS.get(id, ("base_event", 0))
    if (result["class"], event["activity_id"]) != want:
        wrong.append("the class and activity are %s %s, not %s of %d" % (result["class"], event["activity_id"], want, id))
    same("metadata.event_code", str(id), "EventID")
    stamp = datetime.datetime.fromisoformat(when.strip().replace("Z", "+00:00"))
    if event["time"] != int((stamp if stamp.tzinfo else stamp.replace(tzinfo=datetime.timezone.utc)).timestamp() * 1000 // 1):
        wrong.append("the time is %d, not %s" % (event["time"], when))
    if id not in KINDS:
        return wrong
    same("device.hostname", computer, "the computer")
    subject = {"uid": "SubjectUserSid", "name": "SubjectUserName", "domain": "SubjectDomainName"}
    for ours, theirs in subject.items():
        same("actor.user." + ours, known(data.get(theirs)), theirs)
    user = {"uid": data.get("TargetUserSid") or data.get("TargetSid"), "name": data.get("TargetUserName") or data.get("OldTargetUserName"), "domain": data.get("TargetDomainName")}
    if id == 4672:
        user = {ours: data.get(theirs) for ours, theirs in subject.items()}
    if id in (4769, 4770) and user["name"]:
        user["name"] = str(user["name"]).split("@")[0]
    if id == 4740:
        same("src_endpoint.name", known(user["domain"]), "TargetDomainName")
        user["domain"] = None
    kind = result["class"]
    if kind in ("authentication", "account_change", "authorize_session"):
        for k, v in user.items():
            same("user." + k, known(v), "the account's " + k)
    if kind == "group_management":
        for k, v in user.items():
            same("group." + k, known(v), "the group's " + k)
        same("user.uid", known(data.get("MemberSid")), "MemberSid")
    if id in (4624, 4625, 4634) and data.get("LogonType") is not None:
        same("logon_type", LOGON_TYPES[int(data["LogonType"])], "LogonType")
    if kind == "authentication":
        ip = known(data.get("IpAddress"))
        same("src_endpoint.ip", ip[7:] if ip and ip.startswith("::ffff:") else ip, "IpAddress")
        if id in (4624, 4634, 4647):
            same("session.uid", known(data.get("TargetLogonId")), "TargetLogonId")
        if id in (4624, 4625):
            same("src_endpoint.name", known(data.get("WorkstationName")), "WorkstationName")
            same("status_id", 1 if id == 4624 else 2, "the status")
        if id == 4625 and str(data.get("SubStatus", "")).lower() in ("0xc0000064", "0xc000006a") and not re.search("bad (?:user account|password)", event.get("status_detail", "")):
            wrong.append("the detail is %r for %s" % (event.get("status_detail"), data["SubStatus"]))
        if id in (4768, 4769):
            same("status_id", 1 if data.get("Status") == "0x0" else 2, "Status")
            same("service.name", known(data.get("ServiceName")), "ServiceName")
        if id in (4771, 4776):
            same("status_id", 1 if data.get("Status") == "0x0" else 2, "Status")
    if id == 4672:
        listed = data.get("PrivilegeList")
        same("privileges", listed if isinstance(listed, list) else re.findall(r"Se\w+", listed or "") or None, "PrivilegeList")
    if id == 4688:
        same("process.pid", number(data.get("NewProcessId")), "NewProcessId")
        same("process.file.path", known(data.get("NewProcessName")), "NewProcessName")
        same("process.cmd_line", known(data.get("CommandLine")), "CommandLine")
        same("actor.process.pid", number(data.get("ProcessId")), "ProcessId")
        if data.get("ProcessId") is not None:
            same("actor.process.file.path", known(data.get("ParentProcessName")), "ParentProcessName")
        elif known(data.get("ParentProcessName")) and data["ParentProcessName"] not in (result.get("unmapped") or {}).values():  # OCSF asks for the process ID
            wrong.append("the parent is lost")
        same("process.user.name", known(data.get("TargetUserName")) or known(data.get("SubjectUserName")), "the account")
    if id == 4689:
        same("process.pid", number(data.get("ProcessId")), "ProcessId")
        code = number(data.get("Status"))
        same("exit_code", code if code is None or code < 1 << 31 else code - (1 << 32), "Status")
    return wrong
