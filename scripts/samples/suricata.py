"""Suricata's EVE log: events in files of other projects, and what is wrong in the event that became of each."""
import collections, ipaddress, json, re

from judges import at, compare, kept, local, paths, stamp

KINDS = 40  # events of a kind that are taken from a file


def eve(text):
    """Events of Suricata: JSON objects anywhere in a text. A test of SEKOIA.IO's intake formats has its event as a text."""
    found, seen, start, decoder = [], collections.Counter(), text.find("{"), json.JSONDecoder()
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except ValueError:
            start = text.find("{", start + 1)
            continue
        if isinstance(at(value, "input.message"), str):
            return eve(at(value, "input.message"))
        if isinstance(value, dict) and isinstance(value.get("event_type"), str) and "timestamp" in value:
            seen[value["event_type"]] += 1
            if seen[value["event_type"]] <= KINDS:
                found.append((json.dumps(value), {}))
        start = text.find("{", end)
    return found


def version(event):
    return "Suricata 8" if "ip_v" in event or at(event, "dns.version") == 3 else "Suricata 7" if {"verdict", "direction", "pkt_src"} & set(event) else "Suricata 6 or earlier"


CLASSES = {"alert": "detection_finding", "dns": "dns_activity", "http": "http_activity", "fileinfo": "file_hosting", "ssh": "ssh_activity", "smb": "smb_activity"}
PLACEHOLDERS = {"app_proto": ("failed", "unknown", ""), "host": ("",), "http.hostname": ("",), "http.http_user_agent": ("",), "http.http_refer": ("",), "tls.sni": ("",),
                "smb.share": ("",), "smb.filename": ("",), "fileinfo.filename": ("",), "alert.signature": ("",), "alert.category": ("",)}
METHODS = {"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8}
RCODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
OPENED = {"FILE_SUPERSEDE": 1, "FILE_OPEN": 2, "FILE_CREATE": 3, "FILE_OPEN_IF": 4, "FILE_OVERWRITE": 5, "FILE_OVERWRITE_IF": 6}


def activity(eve):
    """The activity of an event, or those that it can be."""
    kind, method, command = eve["event_type"], at(eve, "http.http_method"), at(eve, "smb.command") or ""
    if kind == "alert":
        return (1,)
    if kind == "dns":
        return (1,) if eve["dns"]["type"] in ("query", "request") else (2,)
    if kind == "http":
        return (METHODS.get(method, 99 if method else 0),)
    if kind == "smb":
        return (OPENED.get(at(eve, "smb.disposition"), 99),)
    if kind == "fileinfo":  # a GET has its file in the response; else the sender is the server if it has the port of the request
        port = at(eve, "http.http_port")
        if method == "GET" or "READ" in command:
            return (2,)
        return (1,) if "WRITE" in command or port and port == eve["dest_port"] else (2,) if port else (1, 2)
    return (6,) if "src_ip" in eve and "dest_ip" in eve else (0,)


def judge(eve, result):
    """Compares an event with the event of Suricata that it was."""
    event, unmapped, wrong, kind = result["ocsf"], result.get("unmapped") or {}, [], eve["event_type"]
    want = CLASSES.get(kind, "network_activity" if "src_ip" in eve and "dest_ip" in eve else "base_event")
    if result["class"] != want:
        return ["the class is %s, not %s" % (result["class"], want)]
    if event["activity_id"] not in activity(eve):
        wrong.append("the activity is %s" % event["activity_id"])
    compare(wrong, event, "time", stamp(eve["timestamp"]))
    if kind == "alert":
        compare(wrong, event, "severity_id", {1: 4, 2: 3, 3: 2}.get(at(eve, "alert.severity"), 1))
        fate = {"alert": 1, "pass": 1, "drop": 6, "reject": 25}.get(at(eve, "verdict.action")) or {"allowed": 1, "blocked": 2}.get(at(eve, "alert.action"), 0)
        compare(wrong, event, "disposition_id", fate)
    if kind == "dns" and event["activity_id"] == 2:
        compare(wrong, event, "rcode_id", RCODES.get(at(eve, "dns.rcode"), 99))
        grouped = at(eve, "dns.grouped") or {}
        have = sorted(a["rdata"] for a in event.get("answers") or [])
        listed = [a["rdata"] for a in at(eve, "dns.answers") or [] if a.get("rdata")] if at(eve, "dns.answers") else [r for rs in grouped.values() for r in rs]
        if have != sorted(listed or ([eve["dns"]["rdata"]] if "rdata" in eve["dns"] else [])):
            wrong.append("the answers are %s" % have)
    side = (event.get("evidences") or [{}])[0] if kind == "alert" else event
    ends = [(side.get(e) or {}) for e in ("src_endpoint", "dst_endpoint")]
    if "src_ip" in eve and "dest_ip" in eve:
        raw = [(eve["src_ip"], eve.get("src_port")), (eve["dest_ip"], eve.get("dest_port"))]
        have = [(e.get("ip"), e.get("port")) for e in ends]
        answer = kind == "dns" and event["activity_id"] == 2 and eve.get("src_port") in (53, 5353, 5355)
        if have != (raw[::-1] if answer and raw[1][1] != raw[0][1] else raw):
            wrong.append("the ends are %s, not %s" % (have, raw))
        client, server = ipaddress.ip_address(ends[0]["ip"]), ipaddress.ip_address(ends[1]["ip"])
        way = at(side, "connection_info.direction_id")
        if not (client.is_multicast or server.is_multicast or "255.255.255.255" in (eve["src_ip"], eve["dest_ip"]) or client.is_unspecified or server.is_unspecified):
            between = {(True, True): (3,), (False, False): (0,)}.get((local(ends[0]["ip"]), local(ends[1]["ip"])), (1, 2))
            if way not in between:
                wrong.append("the direction is %s" % way)
    flat = dict(paths(event))
    leaves = {str(v).lower() for v in flat.values() if not isinstance(v, list)} | {str(x).lower() for v in flat.values() if isinstance(v, list) for x in listed_leaves(v)}
    for name, value in paths(eve):  # each value is in the event, or in unmapped
        if value in PLACEHOLDERS.get(name, ()) or name in ("timestamp", "alert.action", "flow.action"):
            continue
        if name == "alert.severity" and value in (1, 2, 3) or name == "dns.type" and name not in unmapped or name == "dns.opcode" and name not in unmapped:
            continue
        if name in unmapped:
            if "T" in str(value) and str(value)[:4].isdigit() and unmapped[name] != str(value):
                if stamp(unmapped[name]) != stamp(value):
                    wrong.append("%s is %r in unmapped, not %r" % (name, unmapped[name], value))
            else:
                kept(wrong, unmapped, name, value)
            continue
        texts = forms(name, value)
        if not any(t in leaves for t in texts):
            wrong.append("%s is lost: %r" % (name, value))
    return wrong


def listed_leaves(values):
    for v in values:
        if isinstance(v, dict):
            yield from listed_leaves(list(v.values()))
        elif isinstance(v, list):
            yield from listed_leaves(v)
        else:
            yield v


def forms(name, value):
    """The texts that a value can have in the event."""
    if isinstance(value, list):
        return [str(x).lower() for x in listed_leaves(value)] or ["none"]
    if name.endswith(("start", "end", "notbefore", "notafter")):
        return [str(stamp(value if re.search(r"(?:Z|[+-]\d\d:?\d\d)$", value) else value + "Z"))]
    if name in ("smb.created", "smb.accessed", "smb.modified"):
        return [str(value * 1000)] if value else [str(value), "smb"]
    if name == "tcp.tcp_flags":
        return [str(int(value, 16))]
    if name == "smb.disposition":
        return [value.replace("_", " ").lower()]
    if name == "http.url":
        return [value.lower(), value.split("?")[0].lower()]
    return [str(value).lower()]
