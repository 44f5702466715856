"""Sysmon events of other collectors: their data, and the record that the Kinesis Agent for Windows writes for the same event."""
import html, io, json, re, tempfile, xml.etree.ElementTree, zipfile

# The titles that Windows prints above the data.
TITLES = {1: "Process Create", 2: "File creation time changed", 3: "Network connection detected", 4: "Sysmon service state changed", 5: "Process terminated",
          6: "Driver loaded", 7: "Image loaded", 8: "CreateRemoteThread detected", 9: "RawAccessRead detected", 10: "Process accessed", 11: "File created",
          12: "Registry object added or deleted", 13: "Registry value set", 14: "Registry object renamed", 15: "File stream created", 16: "Sysmon config state changed",
          17: "Pipe Created", 18: "Pipe Connected", 19: "WmiEventFilter activity detected", 20: "WmiEventConsumer activity detected",
          21: "WmiEventConsumerToFilter activity detected", 22: "Dns query", 23: "File Delete archived", 24: "Clipboard changed", 25: "Process Tampering",
          26: "File Delete logged", 27: "File Block Executable", 28: "File Block Shredding", 29: "File Executable Detected", 255: "Error report"}

# The keys of events, in any order.
KEYS = set("""RuleName UtcTime ProcessGuid ProcessId Image FileVersion Description Product Company OriginalFileName CommandLine CurrentDirectory User LogonGuid LogonId
TerminalSessionId IntegrityLevel Hashes Hash ParentProcessGuid ParentProcessId ParentImage ParentCommandLine ParentUser TargetFilename CreationUtcTime PreviousCreationUtcTime
Protocol Initiated SourceIsIpv6 SourceIp SourceHostname SourcePort SourcePortName DestinationIsIpv6 DestinationIp DestinationHostname DestinationPort DestinationPortName
State Version SchemaVersion ImageLoaded Signed Signature SignatureStatus SourceProcessGuid SourceProcessGUID SourceProcessId SourceThreadId SourceImage SourceUser
TargetProcessGuid TargetProcessGUID TargetProcessId TargetImage TargetUser NewThreadId StartAddress StartModule StartFunction Device GrantedAccess CallTrace EventType
TargetObject Details NewName Contents Configuration ConfigurationFileHash PipeName Operation EventNamespace Name Query Type Destination Consumer Filter QueryName QueryStatus
QueryResults Archived IsExecutable Session ClientInfo ID""".split())


def record(event_id, description, computer, created, index):
    """The record of an event, as the Kinesis Agent for Windows writes it."""
    return json.dumps({"EventId": event_id, "Description": description, "LevelDisplayName": "Information", "LogName": "Microsoft-Windows-Sysmon/Operational",
                       "MachineName": computer, "ProviderName": "Microsoft-Windows-Sysmon", "TimeCreated": created, "Index": index, "UserName": "NT AUTHORITY\\SYSTEM",
                       "UserDefined": {"source_instance_id": "i-0123456789abcdef0"}})


def text(event_id, data):
    """The text that Windows prints for the data of an event."""
    return TITLES[event_id] + ":" + "".join("\r\n%s: %s" % (k, v) for k, v in data.items())


def utc(data):
    return data.get("UtcTime", "2024-01-01 00:00:00.000").replace(" ", "T") + "Z"


def message(text_):
    """The event of a test of SEKOIA.IO's intake formats, or {} if it is not JSON."""
    try:
        return json.loads(json.loads(text_)["input"]["message"])
    except ValueError:
        return {}


def windows(text_):
    """An event of NXLog: fields in the order of the event, except those that have the name of one of its own."""
    event = message(text_)
    if event.get("SourceName") != "Microsoft-Windows-Sysmon":
        return []
    start = list(event).index("Opcode") if "Opcode" in event else 0
    data = {k: str(v) for k, v in list(event.items())[start:] if k in KEYS}
    return [(record(event["EventID"], text(event["EventID"], data), event["Hostname"], utc(data), event["RecordNumber"]), dict(data, id=event["EventID"]))]


def winlogbeat(text_):
    """An event of Winlogbeat, which keeps the text and the data."""
    event = message(text_)
    log = event.get("winlog", {})
    if log.get("provider_name") != "Microsoft-Windows-Sysmon" or not event.get("message") or not log.get("event_data"):
        return []
    number = int(log["event_id"])
    return [(record(number, event["message"], log["computer_name"], utc(log["event_data"]), log["record_id"]), dict(log["event_data"], id=number, whole=len(log["event_data"]) >= event["message"].count("\n")))]


def azure(text_):
    """An event of the Azure diagnostics extension, which keeps the text and the XML."""
    event = message(text_).get("properties", {})
    if event.get("ProviderName") != "Microsoft-Windows-Sysmon":
        return []
    root = xml.etree.ElementTree.fromstring(event["RawXml"])
    data = {d.get("Name"): d.text or "" for d in root.iter() if d.tag.endswith("}Data")}
    computer = next(d.text for d in root.iter() if d.tag.endswith("}Computer"))
    return [(record(event["EventId"], event["Description"], computer, utc(data), 1), dict(data, id=event["EventId"]))]


def mordor(content, most=3):
    """Some events of each kind of a zip file with lines of NXLog, which keep the text and the data in one object."""
    found, counts = [], {}
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:
        return []
    for name in sorted(archive.namelist()):
        for line in archive.read(name).decode("utf-8", "replace").splitlines() if name.endswith(".json") else []:
            if "Microsoft-Windows-Sysmon" not in line:
                continue
            event = json.loads(line)
            number = event.get("EventID") if isinstance(event, dict) else None
            if event.get("SourceName") != "Microsoft-Windows-Sysmon" or not event.get("Message") or counts.get(number, 0) >= most:
                continue
            counts[number] = counts.get(number, 0) + 1
            # NXLog has fields of its own, which can hide those of the event, and its data are escaped as in XML
            data = {k: html.unescape(str(v)) for k, v in event.items() if k in KEYS and "\r\n%s: " % k in event["Message"]}
            if data.get("EventType") in ("INFO", "AUDIT_SUCCESS") or number == 4:
                data.pop("EventType" if number != 4 else "Version", None)
            whole = len(data) >= sum(k in KEYS for k in re.findall(r"\r\n(\w+): ", event["Message"]))
            found.append((record(number, event["Message"], event.get("Hostname") or event.get("host"), utc(data), event.get("RecordNumber", 1)), dict(data, id=number, whole=whole)))
    return found


def event(doc):
    """An event as the library evtx and the project SigmaHQ write it: names and values, in the order of the event."""
    system, data = doc["Event"]["System"], doc["Event"].get("EventData") or {}
    if system["Provider"]["#attributes"]["Name"] != "Microsoft-Windows-Sysmon":
        return []
    number = system["EventID"]["#text"] if isinstance(system["EventID"], dict) else system["EventID"]
    data = {k: printed(k, v) for k, v in data.items() if k != "#attributes"}
    return [(record(number, text(number, data), system["Computer"], system["TimeCreated"]["#attributes"]["SystemTime"], system["EventRecordID"]), dict(data, id=number))]


def printed(key, value):
    """A value as Windows prints it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if "guid" in key.lower() and re.fullmatch(r"[0-9A-Fa-f-]{36}", str(value)):
        return "{%s}" % str(value).lower()
    return str(value)


def sigma(text_):
    found, at, decoder = [], text_.find("{"), json.JSONDecoder()
    while at >= 0:
        doc, at = decoder.raw_decode(text_, at)
        found += event(doc)
        at = text_.find("{", at)
    return found


def evtx(content, most=3):
    """Some events of each kind of a log of Windows. Needs the Python package evtx."""
    import evtx as library
    found, counts = [], {}
    with tempfile.NamedTemporaryFile(suffix=".evtx") as f:
        f.write(content)
        f.flush()
        try:
            rows = [json.loads(row["data"]) for row in library.PyEvtxParser(f.name).records_json()]
        except (OSError, RuntimeError):
            return []
    for doc in rows:
        for record_, data in event(doc):
            if counts.get(data["id"], 0) < most:
                counts[data["id"]] = counts.get(data["id"], 0) + 1
                found.append((record_, data))
    return found
