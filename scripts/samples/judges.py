"""The judges: what is wrong in an event, by what the project or the record says. They know nothing of the mappings."""
import datetime, ipaddress, json, re

import cisco, okta


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


def stamp(text):
    """Milliseconds of a time in one of the forms of the samples."""
    return int(datetime.datetime.fromisoformat(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", str(text).replace(" ", "T").replace("Z", "+00:00"))).replace(microsecond=int((re.search(r"\.(\d{1,6})", str(text)) or [0, "0"])[1].ljust(6, "0"))).timestamp() * 1000)


def compare(wrong, event, path, want):
    have = at(event, path)
    if have != want and str(have) != str(want):
        wrong.append("%s is %r, not %r" % (path, have, want))


def paths(value, prefix=""):
    """The names and values of a record, as unmapped has them."""
    if isinstance(value, dict):
        for k, v in value.items():
            yield from paths(v, prefix + k + ".")
    elif value is not None:
        yield prefix[:-1], value


def kept(wrong, unmapped, name, value):
    """A value that the event does not have is in unmapped under its own name."""
    have = unmapped.get(name)
    if isinstance(value, list):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, bool):
        value = str(value).lower()
    if have is None or have != str(value) and not same(have, value):
        wrong.append("%s is %r in unmapped, not %r" % (name, have, value))


def same(a, b):
    try:
        return json.loads(a) == (json.loads(b) if isinstance(b, str) else b)
    except (ValueError, TypeError):
        return False


PRIVATE = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10", "::1/128")]


def local(address):
    return any(ipaddress.ip_address(address) in net for net in PRIVATE)


def judge_eve(record, result):
    """Compares an event with the event of Suricata that it was."""
    event, unmapped, wrong = result["ocsf"], result.get("unmapped") or {}, []
    eve = record["event"]
    # Which side is the server: the packet's direction, else the source of the flow, else the name that the client asked for if it is an
    # address, else the lower port if it is that of a service. Without all of them, the event decides.
    way, first, asked = eve.get("direction"), (eve.get("flow") or {}).get("src_ip"), at(eve, "http.hostname")
    src, dst = eve.get("src_port") or 0, eve.get("dest_port") or 0
    if way:
        from_server = way == "to_client"
    elif first:
        from_server = first == eve["dest_ip"] != eve["src_ip"]
    elif asked in (eve["src_ip"], eve["dest_ip"]):
        from_server = asked == eve["src_ip"]
    elif 0 < min(src, dst) < 1024 <= max(src, dst) or 0 < min(src, dst) < 10000 and max(src, dst) >= 32768:
        from_server = src < dst
    else:
        from_server = "svc_name" in event["src_endpoint"] or "hostname" in event["src_endpoint"]
    server, client = ("src_endpoint", "dst_endpoint") if from_server else ("dst_endpoint", "src_endpoint")
    there = {"firewall_name": ("app_name", str), "availability_zone": ("cloud.zone", str), "event.timestamp": ("time", stamp), "event.flow_id": ("connection_info.uid", str),
             "event.src_ip": ("src_endpoint.ip", str), "event.src_port": ("src_endpoint.port", int), "event.dest_ip": ("dst_endpoint.ip", str), "event.dest_port": ("dst_endpoint.port", int),
             "event.proto": ("connection_info.protocol_name", str.lower), "event.app_proto": (server + ".svc_name", str), "event.netflow.pkts": ("traffic.packets", int),
             "event.netflow.bytes": ("traffic.bytes", int), "event.netflow.start": ("start_time", stamp), "event.netflow.end": ("end_time", stamp),
             "event.tcp.tcp_flags": ("connection_info.tcp_flags", lambda t: int(t, 16)), "event.alert.signature_id": ("firewall_rule.uid", str),
             "event.alert.signature": ("firewall_rule.name", str), "event.alert.category": ("firewall_rule.category", str), "event.tls.sni": ("tls.sni", str),
             "event.tls.version": ("tls.version", str), "event.http.hostname": (server + ".hostname", str)}
    # What became of the packet: the verdict, else the action of the rule.
    fate = {"alert": 1, "pass": 1, "drop": 6, "reject": 25}.get(at(eve, "verdict.action")) or {"allowed": 1, "blocked": 2}.get(at(eve, "alert.action"), 0)
    compare(wrong, event, "disposition_id", 0 if eve["event_type"] == "netflow" else fate)
    compare(wrong, event, "action_id", {0: 0, 1: 1}.get(0 if eve["event_type"] == "netflow" else fate, 2))
    if eve["event_type"] == "alert":
        compare(wrong, event, "severity_id", {1: 4, 2: 3, 3: 2}.get(at(eve, "alert.severity"), 1))
    ends = [eve["dest_ip"], eve["src_ip"]] if from_server else [eve["src_ip"], eve["dest_ip"]]
    far = ipaddress.ip_address(ends[1])
    if ipaddress.ip_address(ends[0]).is_unspecified or far.is_unspecified:
        way = 0
    elif far.is_multicast or ends[1] == "255.255.255.255":
        way = 3 if local(ends[0]) else 0
    else:
        way = {(True, True): 3, (True, False): 2, (False, True): 1, (False, False): 0}[local(ends[0]), local(ends[1])]
    compare(wrong, event, "connection_info.direction_id", way)
    if at(event, client + ".hostname") and at(event, client + ".hostname") != at(event, server + ".hostname"):
        wrong.append("the client has the name %s" % at(event, client + ".hostname"))
    url = event.get("url") or {}
    for name, value in paths(record):
        path, form = there.get(name, (None, None))
        if name == "event.app_proto" and value in ("failed", "unknown"):
            continue  # Suricata does not know the protocol
        if name in unmapped:
            kept(wrong, unmapped, name, value)
            if path and at(event, path) is not None:
                compare(wrong, event, path, form(value))
        elif name == "event.http.url":
            whole = url.get("url_string") or (url.get("path") or "") + ("?" + url["query_string"] if "query_string" in url else "")
            if whole != value:
                wrong.append("the URL is %r, not %r" % (whole, value))
        elif name == "event.http.hostname" and at(eve, "tls.sni"):
            compare(wrong, event, "url.hostname", value)
        elif name == "event.alert.action":
            pass  # compared above
        elif path is None:
            kept(wrong, unmapped, name, value)
        else:
            compare(wrong, event, path, form(value))
    return wrong


ALB = """type time elb client target request_processing_time target_processing_time response_processing_time elb_status_code target_status_code received_bytes sent_bytes
request user_agent ssl_cipher ssl_protocol target_group_arn trace_id domain_name chosen_cert_arn matched_rule_priority request_creation_time actions_executed redirect_url error_reason
target_list target_status_code_list classification classification_reason conn_trace_id transformed_host transformed_uri request_transform_status""".split()


def judge_access(line, result):
    """Compares an event with the line of the access log that it was."""
    event, unmapped, wrong = result["ocsf"], result.get("unmapped") or {}, []
    fields = [re.sub(r'\\(["\\])', r"\1", f[1:-1]) if f.startswith('"') else f for f in re.findall(r'"(?:[^"\\]|\\.)*"|\S+', line)]
    row = {k: v for k, v in zip(ALB + ["column_%d" % n for n in range(34, 60)], fields) if v not in ("-", "")}
    there = {"time": ("time", stamp), "elb": ("load_balancer.name", str), "elb_status_code": ("http_response.code", int), "target_status_code": ("load_balancer.code", int),
             "received_bytes": ("traffic.bytes_out", int), "sent_bytes": ("traffic.bytes_in", int), "user_agent": ("http_request.user_agent", str), "ssl_cipher": ("tls.cipher", str),
             "ssl_protocol": ("tls.version", str), "target_group_arn": ("load_balancer.dst_endpoint.uid", str), "trace_id": ("http_request.uid", str),
             "domain_name": ("dst_endpoint.hostname", str), "request_creation_time": ("start_time", stamp), "actions_executed": ("load_balancer.message", str),
             "error_reason": ("load_balancer.error_message", str), "conn_trace_id": ("connection_info.uid", str)}
    if row.get("target_group_arn", "").count(":") >= 5:
        compare(wrong, event, "cloud.region", row["target_group_arn"].split(":")[3])
        account = row["target_group_arn"].split(":")[4]
        if len(account) == 12:
            compare(wrong, event, "cloud.account.uid", account)
    code = int(row.get("elb_status_code", 0))
    compare(wrong, event, "status_id", 0 if code == 0 else 1 if code < 400 else 2)
    for name, value in row.items():
        path, form = there.get(name, (None, None))
        if name in ("client", "target"):
            end = "src_endpoint" if name == "client" else "load_balancer.dst_endpoint"
            host, port = value.rsplit(":", 1)
            compare(wrong, event, end + ".ip", host.strip("[]"))
            compare(wrong, event, end + ".port", port)
        elif name == "request":
            wrong += judge_request(value, event, unmapped)
        else:
            if name in unmapped or path is None:
                kept(wrong, unmapped, name, value)
            if path and (name not in unmapped or at(event, path) is not None):
                compare(wrong, event, path, form(value))
    for name, value in unmapped.items():
        if row.get(name) != value:
            wrong.append("%s is %r in unmapped, not %r" % (name, value, row.get(name)))
    return wrong


METHODS = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE")  # others are not OCSF's


def judge_request(value, event, unmapped):
    """Compares a request, as method, URL and version; each of them can be a dash."""
    wrong, request = [], event.get("http_request") or {}
    match = re.fullmatch(r"(\S+) (.*?) (HTTP/[\d.]+|-|) *", value)
    method, url, version = match.groups() if match else (None, None, None)
    if method in METHODS:
        compare(wrong, request, "http_method", method)
    elif "http_method" in request:
        wrong.append("the method is %r" % request["http_method"])
    compare(wrong, request, "version", None if version in ("-", "") else version)
    parts = re.fullmatch(r"(\w+)://(\[[^\]]*\]|[^/:?]*)(?::(\d+))?(-|-?/[^?]*|)(?:\?(.*))?", url or "")
    if parts:
        scheme, host, port, path, query = parts.groups()
        if path.startswith("-"):  # the load balancer writes a dash for a path that it could not read
            path, url = None, re.sub(r"(://[^/]*?)-(/?)$", r"\1", url)
        for name, want in (("url_string", url), ("scheme", scheme), ("hostname", host), ("port", port), ("path", path or None), ("query_string", query)):
            have = at(request, "url." + name)
            if want is not None and str(have) != str(want):
                wrong.append("url.%s is %r, not %r" % (name, have, want))
            elif want is None and have not in (None, "/"):
                wrong.append("url.%s is %r" % (name, have))
    if "request" not in unmapped and value != "%s %s %s" % (request.get("http_method"), at(request, "url.url_string"), request.get("version")):
        wrong.append("the request %r is lost" % value)
    return wrong


def judge_ocsf(source, result):
    """Compares an event with the event of OCSF that it was: each value is at its own path, or in unmapped."""
    event, unmapped, wrong = result["ocsf"], result.get("unmapped") or {}, []
    for name, value in paths(source):
        if value in ("", []):
            continue
        have = at(event, name)
        if name == "unmapped" or name.startswith("unmapped."):
            have = unmapped.get(name[9:], unmapped.get(name))
        if have != value and str(have) != str(value) and not alike(value, have):
            kept(wrong, unmapped, name, value)
    return wrong


def alike(want, have):
    """Lists of objects: each value of the record is in the event; JSON can be a text."""
    if isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        return all(alike(w, h) for w, h in zip(want, have))
    if isinstance(want, dict) and isinstance(have, dict):
        return all(alike(v, have.get(k)) for k, v in want.items() if v not in ("", None, [], {}))
    return want == have or isinstance(have, str) and isinstance(want, (dict, list)) and same(have, want)


def judge_sysmon(data, result):
    """Compares an event with the data of the Sysmon event that it was."""
    event, unmapped, wrong, number = result["ocsf"], result.get("unmapped") or {}, [], int(data["id"])
    subject = ("process",) if number == 1 else ("actor.process", "process") if number in (5, 7, 9, 25) else ("actor.process",)
    module = {1: "process.file", 7: "module.file"}.get(number)
    there = {"Image": [s + ".file.path" for s in subject], "ProcessId": [s + ".pid" for s in subject], "ProcessGuid": [s + ".uid" for s in subject],
             "User": ["process.user" if number == 1 else "actor.user"], "CommandLine": ["process.cmd_line"], "ParentImage": ["actor.process.file.path"],
             "ParentCommandLine": ["actor.process.cmd_line"], "ParentProcessId": ["actor.process.pid"], "ParentProcessGuid": ["actor.process.uid"], "ParentUser": ["actor.user"],
             "UtcTime": ["time"], "SourceImage": ["actor.process.file.path"], "SourceProcessId": ["actor.process.pid"],
             "SourceProcessGuid": ["actor.process.uid"], "SourceProcessGUID": ["actor.process.uid"], "SourceUser": ["actor.user"], "SourceThreadId": ["actor.process.tid"],
             "TargetImage": ["process.file.path"], "TargetProcessId": ["process.pid"], "TargetProcessGuid": ["process.uid"], "TargetProcessGUID": ["process.uid"],
             "TargetUser": ["process.user"], "TargetFilename": ["file.path"], "CreationUtcTime": ["file.created_time"], "TargetObject": ["file.path"], "NewName": ["file_result.path"],
             "PipeName": ["file.path"], "QueryName": ["query.hostname"], "QueryStatus": ["status_code"], "SourceIp": ["src_endpoint.ip"], "SourcePort": ["src_endpoint.port"],
             "SourceHostname": ["src_endpoint.hostname"], "SourcePortName": ["src_endpoint.svc_name"], "DestinationIp": ["dst_endpoint.ip"], "DestinationPort": ["dst_endpoint.port"],
             "DestinationHostname": ["dst_endpoint.hostname"], "DestinationPortName": ["dst_endpoint.svc_name"], "Protocol": ["connection_info.protocol_name"],
             "ImageLoaded": ["module.file.path"] if number == 7 else ["kernel.path"]}
    if module:
        there.update(Company=[module + ".company_name"], Description=[module + ".desc"], Product=[module + ".product.name"], FileVersion=[module + ".version"])
    if number == 4:
        there["Version"] = ["process.file.version"]
    hashes = {1: "process.file.hashes", 7: "module.file.hashes"}.get(number, "file.hashes")
    if event["metadata"]["event_code"] != str(number):
        wrong.append("the event is %s, not %d" % (event["metadata"]["event_code"], number))
    for key, value in data.items():
        name = "Description." + key
        if key in ("id", "whole") or value is None or str(value).strip() in ("", "-"):
            continue
        if name in unmapped:
            if unmapped[name] != str(value).rstrip("\r\n") and not same_time(unmapped[name], value):
                wrong.append("%s is %r in unmapped, not %r" % (key, unmapped[name], value))
            if all(at(event, p) is None for p in there.get(key, ["-"])):
                continue
        if key in ("Hashes", "Hash"):
            have = sorted("%s=%s" % (h["algorithm"].replace("-", ""), h["value"]) for h in at(event, hashes) or [])
            if have != sorted(re.findall(r"\w+=\w+", value)) and sorted(h.split("=")[-1] for h in have) != [value]:
                wrong.append("the hashes are %s, not %s" % (have, value))
        elif key == "RuleName":
            if unmapped.get("rulename") != value:
                wrong.append("the rule is %r, not %r" % (unmapped.get("rulename"), value))
        elif key == "State":
            compare(wrong, event, "activity_id", {"Started": 1, "Stopped": 2}.get(value))
        elif key == "LogonId":
            compare(wrong, event, "process.session.uid", value if value == at(event, "process.session.uid") else "0x%X" % int(value, 16))
        elif key == "Initiated":
            compare(wrong, event, "connection_info.direction_id", {"true": 2, "false": 1}[value])
        elif key == "IntegrityLevel":
            if value not in (at(event, "process.integrity"), at(event, "process.integrity") + " Process"):
                wrong.append("the integrity is %s, not %s" % (at(event, "process.integrity"), value))
        elif key == "EventType" and number in (12, 13, 14):
            compare(wrong, event, "activity_id", {"CreateKey": 1, "SetValue": 3, "DeleteKey": 4, "DeleteValue": 4, "RenameKey": 5}.get(value, 99))
        elif key == "QueryResults":
            have = {a["rdata"].lower() for a in event.get("answers") or []} - {""}
            want = {re.sub(r"^type:\s*\d+\s*", "", a.strip()).replace("::ffff:", "").lower() for a in value.split(";")} - {"", "-"}
            if have != want:
                wrong.append("the answers are %s, not %s" % (sorted(have), sorted(want)))
        elif key == "GrantedAccess":
            compare(wrong, event, "actual_permissions", int(value, 16))
        elif key not in there:
            if name not in unmapped:
                wrong.append("%s is lost: %r" % (key, value))
        else:
            for path in there[key]:
                have = at(event, path)
                if path.endswith("user"):
                    have = "\\".join(n for n in ((have or {}).get("domain"), (have or {}).get("name")) if n)
                if path in ("time", "file.created_time"):
                    have, value = have and have // 1000, stamp(value) // 1000
                if have != value and str(have) != str(value) and not (key == "Protocol" and have == value.lower()):
                    wrong.append("%s is %r, not %r" % (path, have, value))
    for name in unmapped:  # text of one field that became another
        if name.startswith("Description.") and name[12:] not in data and data.get("whole", True):
            wrong.append("there is no %s in the event" % name[12:])
    return wrong


def same_time(a, b):
    try:
        return stamp(a) == stamp(b)
    except ValueError:
        return False


# How an event of a mapping is judged: by the record, what the project expects of it, and what became of it.
JUDGES = {"okta": lambda record, expected, result: okta.judge(record, result) + judge_intake(expected, result["ocsf"]),
          "cisco-asa": lambda record, expected, result: cisco.judge(record, result) + judge_intake(expected, result["ocsf"]),
          "guardduty": lambda record, expected, result: judge_finding(json.loads(record), result["ocsf"]),
          "network-firewall": lambda record, expected, result: judge_eve(json.loads(record), result),
          "aws-alb": lambda record, expected, result: judge_access(record, result),
          "appfabric": lambda record, expected, result: judge_ocsf(expected, result),
          "windows-sysmon": lambda record, expected, result: judge_sysmon(expected, result)}
