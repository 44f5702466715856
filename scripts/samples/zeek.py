"""Zeek's logs: records in files of other projects, and what is wrong in the event that became of each."""
import gzip, ipaddress, json, re

from judges import at, compare, local, same, stamp

ROWS = 20  # records that are taken from a file


def logs(text):
    """Records of a log, as text or JSON. Each record of text is preceded by the lines that name its columns."""
    found, head = [], []
    for line in text.replace("XXXXXXXXXX.XXXXXX", "1748772000.000000").splitlines():
        if line.startswith("#"):
            if line.startswith(("#separator", "### ")) or line.startswith("#fields") and any(h.startswith("#fields") for h in head):
                head = []
            if not line.startswith(("#open", "#close", "###")):
                head.append(line)
        elif line.startswith("{"):
            try:
                if "ts" in json.loads(line):
                    found.append((line, {}))
            except ValueError:
                pass  # an object over several lines, which Zeek does not write
        elif line.strip() and any(h.startswith("#fields") for h in head):
            found.append(("\n".join(head + [line]), {}))
    return found[:ROWS]


def packed(content):
    return logs(gzip.decompress(content).decode("utf-8", "replace")) if content else []


def unescaped(text):
    def of(match):
        return b"\\" if match[0] == b"\\\\" else bytes([int(match[1], 16)])
    try:
        result = re.sub(rb"\\x([0-9a-fA-F]{2})|\\\\", of, text.encode()).decode()
        return text if "\0" in result else result
    except ValueError:
        return text


def parsed(record):
    """The fields of a record by their names."""
    lines = record.split("\n")
    if lines[-1].startswith("{"):
        fields = json.loads(lines[-1])
        for k, v in (fields.pop("id", None) or {}).items() if isinstance(fields.get("id"), dict) else ():
            fields["id." + k] = v
        return {k: v for k, v in fields.items() if v is not None}
    head = {}
    for line in lines[:-1]:
        key, _, value = line.partition(" " if line.startswith("#separator") else "\t")
        head[key] = value
    names, types, fields = head["#fields"].split("\t"), head.get("#types", "").split("\t"), {}
    if head.get("#path"):
        fields["_path"] = head["#path"]
    names = [re.sub(r"^id_(orig|resp)_", r"id.\1_", n) for n in names]
    for name, kind, value in zip(names, types, lines[-1].split("\t")):
        if value == head.get("#unset_field", "-"):
            continue
        if kind.startswith(("set[", "vector[", "table[")):
            fields[name] = [] if value == "(empty)" else [None if v == "-" else "" if v == "(empty)" else unescaped(v) for v in value.split(",")]
        else:
            fields[name] = "" if value == "(empty)" else unescaped(value)
    return fields


CLASSES = {"conn": "network_activity", "dns": "dns_activity", "http": "http_activity", "ssl": "network_activity", "files": "file_hosting", "notice": "detection_finding"}
METHODS = {"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8}


def log(f):
    if f.get("_path"):
        return f["_path"]
    for name, key in (("notice", "note"), ("conn", "conn_state"), ("dns", "rejected"), ("http", "request_body_len"), ("ssl", "established"), ("files", "fuid")):
        if key in f:
            return name
    return "unknown"


def judge(record, result):
    """Compares an event with the record that it was."""
    f, event, unmapped, wrong = parsed(record), result["ocsf"], result.get("unmapped") or {}, []
    name, ends = log(f), ("id.orig_h" in f and "id.resp_h" in f)
    want = CLASSES.get(name, "network_activity" if ends else "base_event")
    if name == "files" and not f.get("tx_hosts") and "id.orig_h" not in f:
        want = "base_event"
    if result["class"] != want:
        return ["the class is %s, not %s (%s)" % (result["class"], want, name)]
    time = str(f["ts"])
    compare(wrong, event, "time", stamp(time) if "T" in time else int(time) if len(time) == 13 else int(float(time) * 1000 + 0.0005))
    state, tcp = f.get("conn_state"), f.get("proto") == "tcp"
    act = {"conn": 5 if state == "REJ" else 3 if state in ("RSTO", "RSTR", "RSTOS0", "RSTRH") else 4 if state in ("S0", "SH", "SHR") and tcp else 6,
           "dns": 6 if {"rcode", "rcode_name", "answers"} & set(f) else 1, "http": METHODS.get(f.get("method"), 99 if "method" in f else 0), "notice": 1,
           "files": {"T": 1, "True": 1, "F": 2, "False": 2}.get(str(f.get("is_orig")), 0)}.get(name, 6 if ends else 0)
    if want != "base_event":
        compare(wrong, event, "activity_id", act)
    if name == "dns":
        if [a["rdata"] for a in event.get("answers") or []] != [a for a in f.get("answers") or []]:
            wrong.append("the answers are %s" % event.get("answers"))
        compare(wrong, event, "rcode_id", f.get("rcode"))
    if name == "http":
        compare(wrong, event, "http_response.code", f.get("status_code", 0))
    if name == "conn":
        for path, key in (("traffic.bytes_out", "orig_bytes"), ("traffic.bytes_in", "resp_bytes"), ("traffic.packets_out", "orig_pkts"), ("traffic.packets_in", "resp_pkts"), ("dst_endpoint.svc_name", "service")):
            compare(wrong, event, path, f.get(key) or None if key == "service" else f.get(key))
    side = (event.get("evidences") or [{}])[0] if name == "notice" else event
    src, dst = (f.get("id.orig_h"), f.get("id.orig_p")), (f.get("id.resp_h"), f.get("id.resp_p"))
    if name == "notice" and "id.orig_h" not in f:
        src, dst = (f.get("src"), None), (f.get("dst"), f.get("p") if "dst" in f else None)
    if name == "files" and want != "base_event":
        if f.get("tx_hosts"):
            src, dst = (f["tx_hosts"][0], None), ((f.get("rx_hosts") or [None])[0], None)
        elif act != 1:
            src, dst = dst, src
    if f.get("proto") == "icmp":
        src, dst = (src[0], None), (dst[0], None)
    if want != "base_event":
        for path, end in (("src_endpoint", src), ("dst_endpoint", dst)):
            compare(wrong, side, path + ".ip", end[0])
            compare(wrong, side, path + ".port", end[1])
    leaves = {str(v).lower() for v in every(event)}
    for key, value in f.items():  # each value is in the event, or in unmapped
        if key in ("ts", "_path") or value == "" and key in ("service", "host", "user_agent", "server_name", "filename") or value == [] and key in LISTS:
            continue
        if key in unmapped:
            text = json.dumps(value, separators=(",", ":"), ensure_ascii=False) if isinstance(value, (list, bool)) else str(value)
            if unmapped[key] != text and not same(unmapped[key], value):
                wrong.append("%s is %r in unmapped, not %r" % (key, unmapped[key], value))
        elif isinstance(value, dict):
            if not any(k.startswith(key + ".") for k in unmapped):
                wrong.append("%s is lost: %r" % (key, value))
        elif not all(str(v).lower() in leaves for v in (value if isinstance(value, list) else [value])) and not (key == "uri" and value.split("?")[0].lower() in leaves) \
                and not (key == "host" and value.rsplit(":", 1)[0].lower() in leaves):
            wrong.append("%s is lost: %r" % (key, value))
    return wrong


LISTS = ("answers", "TTLs", "resp_mime_types", "tx_hosts", "rx_hosts", "conn_uids", "analyzers", "actions")


def every(value):
    if isinstance(value, dict):
        for v in value.values():
            yield from every(v)
    elif isinstance(value, list):
        for v in value:
            yield from every(v)
    else:
        yield value
