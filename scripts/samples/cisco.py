"""The judge of Cisco's messages: what is wrong in an event, by the words of the message. It knows nothing of the mapping."""
import datetime, re

# The class of a message by the beginning of its number, and the words that say what happened.
CLASSES = [("network_activity", r"106|302|305|313|338|420|434|710|43000[23]"), ("authentication", r"113(?!00[67])|315|605|611|716|722|751"), ("entity_management", "111"),
           ("account_change", r"502|11300[67]"), ("detection_finding", "430001|4000"), ("network_file_activity", "430004")]
WORDS = {"network_activity": [(r"^Built", {"activity_id": (1,)}), (r"^Teardown", {"activity_id": (2, 3, 4)}), (r"TCP Reset", {"activity_id": (3,)}),
                              (r"^Den|denied|drop|discarded|No matching", {"activity_id": (5,), "action_id": (2,)}), (r"permitted|monitored", {"action_id": (1,)}),
                              (r"RuleAction: Allow", {"activity_id": (1, 2), "action_id": (1,)}), (r"RuleAction: Block", {"activity_id": (5,), "action_id": (2,)})],
         "authentication": [(r"[Rr]ejected|denied|failed", {"activity_id": (1,), "status_id": (2,)}), (r"authentication [Ss]uccess|permitted|succeeded|session started|assigned", {"activity_id": (1,), "status_id": (1,)}),
                            (r"terminated|disconnected|logged out", {"activity_id": (2,)})],
         "entity_management": [(r"cmd: ?show", {"activity_id": (2,)})],
         "account_change": [(r"New user", {"activity_id": (1,)}), (r"User deleted", {"activity_id": (6,)}), (r" locked out", {"activity_id": (9,)})]}
# Protocols that a message names, and the number of IANA that the event has for them.
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "gre": 47}


def texts(value):
    if isinstance(value, dict):
        for k, v in value.items():
            yield from texts(v)
    elif isinstance(value, list):
        for v in value:
            yield from texts(v)
    elif value is not None:
        yield str(value)


def judge(record, result):
    """Compares an event with the message that it was."""
    number, body = re.search(r"%\w+-(?:\w+-)?\d-(\d+):?\s*(.*)", record).groups()
    event, wrong = result["ocsf"], []
    want = next((c for c, ids in CLASSES if re.match(ids, number)), None)
    if number == "430005":
        want = "detection_finding" if "SHA_Disposition: Malware" in body else "network_file_activity"
    if result["class"] != want:
        wrong.append("the class is %s, not %s" % (result["class"], want))
    for words, values in WORDS.get(want, []):
        if re.search(words, body):
            wrong += ["%s is %s for %r" % (path, event.get(path), words) for path, allowed in values.items() if event.get(path) not in allowed]
    if event["metadata"]["event_code"] != number:
        wrong.append("the number is %s" % event["metadata"]["event_code"])
    # Addresses and numbers of four digits or more are in the event or in unmapped. A duration is milliseconds in the event.
    there = " ".join(texts([{k: v for k, v in event.items() if k not in ("time", "type_uid", "class_uid", "message")}, result.get("unmapped"), event.get("unmapped")]))
    for token in set(re.findall(r"\d+\.\d+\.\d+\.\d+|\b\d{4,}\b", re.sub(r"0x\w+|::|\d{4}-\d\d-\d\dT[\d:]+Z", "", body))):
        if token not in there and not token.startswith("0.0.0.0"):
            wrong.append("%s is lost" % token)
    first = re.search(r"FirstPacketSecond: (\S+)Z", body)
    if first:
        seconds = datetime.datetime.fromisoformat(first[1] + "+00:00").timestamp()
        if seconds * 1000 not in (event.get("start_time"), (event.get("finding_info") or {}).get("first_seen_time")):
            wrong.append("the first packet is not at %s" % first[1])
    # The ends of a connection: the one with the well-known port is the destination, and what is built outbound comes from inside.
    ends = re.search(r"(?:for|from) [^\s:]+:(\S+?)/(\d+).*? to [^\s:]+:(\S+?)/(\d+)", body) if want == "network_activity" and "connection" in body else None
    if ends:
        first, second = (ends[1], int(ends[2])), (ends[3], int(ends[4]))
        outbound = "Built outbound" in body or body.startswith("Teardown") and first[1] < 1024 <= second[1]
        source, target = (second, first) if outbound else (first, second)
        for path, (address, port) in (("src_endpoint", source), ("dst_endpoint", target)):
            end = event.get(path) or {}
            if body.startswith(("Built inbound", "Built outbound")) or min(first[1], second[1]) < 1024 <= max(first[1], second[1]):
                if (end.get("ip") or end.get("hostname"), end.get("port")) != (address, port):
                    wrong.append("%s is %s, not %s/%d" % (path, end, address, port))
    protocol = re.search(r"(?i)\b(tcp|udp|gre) (?:connection|translation)|Protocol: (tcp|udp|icmp)|^Deny (tcp|udp|icmp) src", body)
    if protocol and want == "network_activity":
        name = next(p for p in protocol.groups() if p).lower()
        if (event.get("connection_info") or {}).get("protocol_num") != NUMBERS[name]:
            wrong.append("the protocol is %s, not %s" % (event.get("connection_info"), name))
    return wrong
