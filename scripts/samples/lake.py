"""Records of AWS sources that Security Lake collects too: VPC flow logs, Route 53 Resolver, WAF. How they are found, and their judges."""
import ast, datetime, gzip, json, re

from judges import compare, kept, paths

DEFAULT = "version account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes start end action log_status"
ECS = " ecs_cluster_name ecs_cluster_arn ecs_container_instance_arn ecs_container_instance_id ecs_service_name ecs_task_definition_arn ecs_task_id ecs_task_arn ecs_second_container_id ecs_container_id"
FIVE = " vpc_id subnet_id instance_id tcp_flags type pkt_srcaddr pkt_dstaddr region az_id sublocation_type sublocation_id pkt_src_aws_service pkt_dst_aws_service flow_direction traffic_path"


def flow(names, line):
    """A flow log record: its fields by name."""
    names, values = names.split(), line.split()
    return [(json.dumps(dict(zip(names, values))), {})] if len(names) == len(values) else []


def flowtests(text):
    """Strings of a program: formats, each before its records."""
    found, names = [], DEFAULT
    for literal in re.findall(r'None,|"((?:[^"\\]|\\.)*)"', text[text.find("mod tests"):]):
        if literal == "":
            names = DEFAULT
        elif re.fullmatch(r"[a-z_0-9]+(?: [a-z_0-9]+){5,}", literal) and "srcaddr" in literal.split():
            names = literal
        elif re.search(r"\beni-|\b(?:ACCEPT|REJECT)\b", literal):
            found += flow(names, literal)
    return found


def flowintake(text):
    """A test of SEKOIA.IO: a line of the default format or of version 5, or a JSON object."""
    message = json.loads(text)["input"]["message"].strip()
    if message.startswith("{"):
        record = json.loads(message)
        record = {k.replace("-", "_"): "-" if v is None else re.sub(r"^(\d+)\.0$", r"\1", str(v)) for k, v in record.items()}  # a float of a whole number
        return [(json.dumps(record), {})] if "srcaddr" in record else []
    return flow(DEFAULT, message) + flow(DEFAULT + FIVE, message)


def flowcloudwatch(text):
    """Events of CloudWatch Logs, whose messages are records of the default format or of version 7."""
    found = []
    for line in text.splitlines():
        message = json.loads(line)["message"]
        found += flow(DEFAULT, message) + flow(DEFAULT + ECS, message)
    return found


def present(value):
    return value not in (None, "", "-")


def whole(text):
    return int(float(text))


def judge_flow(record, _, result):
    """Compares an event with the flow log record that it was."""
    r, event, unmapped, wrong = json.loads(record), result["ocsf"], result.get("unmapped") or {}, []
    for side, hop, packet in (("src_endpoint", "srcaddr", "pkt_srcaddr"), ("dst_endpoint", "dstaddr", "pkt_dstaddr")):
        ends = [r[n] for n in (packet, hop) if present(r.get(n))]
        compare(wrong, event, side + ".ip", ends[0] if ends else None)
        compare(wrong, event, side + ".intermediate_ips", [ends[1]] if len(ends) == 2 and ends[0] != ends[1] else None)
    for path, name, read in (("src_endpoint.port", "srcport", whole), ("dst_endpoint.port", "dstport", whole), ("connection_info.protocol_num", "protocol", whole), ("traffic.bytes", "bytes", whole),
                             ("traffic.packets", "packets", whole), ("connection_info.tcp_flags", "tcp_flags", whole), ("status_detail", "reject_reason", str)):
        compare(wrong, event, path, read(r[name]) if present(r.get(name)) else None)
    for path, name in (("status_code", "log_status"), ("metadata.product.version", "version"), ("cloud.zone", "az_id"), ("cloud.region", "region"), ("connection_info.protocol_ver", "type"), ("src_endpoint.svc_name", "pkt_src_aws_service")):
        compare(wrong, event, path, r.get(name))
    compare(wrong, event, "time", whole(r["start"]) * 1000)
    compare(wrong, event, "activity_id", {"ACCEPT": 6, "REJECT": 5}.get(r.get("action"), 0))
    compare(wrong, event, "action_id", {"ACCEPT": 1, "REJECT": 2, None: 0}.get(r.get("action"), 99))
    compare(wrong, event, "connection_info.direction_id", {"ingress": 1, "egress": 2, None: 0}.get(r.get("flow_direction"), 99))
    if present(r.get("traffic_path")):
        compare(wrong, event, "connection_info.boundary_id", int(r["traffic_path"]) + 3)
    side = "dst_endpoint" if r.get("flow_direction") == "ingress" else "src_endpoint" if "flow_direction" in r or r.get("log_status") in ("NODATA", "SKIPDATA") else None
    for path, name in (("interface_uid", "interface_id"), ("instance_uid", "instance_id"), ("vpc_uid", "vpc_id"), ("subnet_uid", "subnet_id")):
        if side:
            compare(wrong, event, side + "." + path, r.get(name))
        elif name in r:
            kept(wrong, unmapped, name, r[name])
    for name in r:
        if name.startswith(("ecs_", "encryption", "resource_id", "sublocation")) and present(r[name]):
            kept(wrong, unmapped, name, r[name])
        elif name.startswith(("next_hop", "instance_tag", "interface_t", "asg_")):  # later than raw.sql, so under the name of the text
            kept(wrong, unmapped, name.replace("_", "-"), r[name])
    return wrong


def queries(text):
    """Query logs: JSON objects anywhere in a text, also in the notation of YAML and Python."""
    found, decoder = [], json.JSONDecoder()
    for m in re.finditer(r"\{(?=\s*[\"'])", text):
        part, record = text[m.start():], None
        try:
            record = decoder.raw_decode(re.sub(r",(\s*[}\]])", r"\1", part))[0]
        except ValueError:
            continue
        if isinstance(record, dict) and {"query_name", "query_timestamp", "rcode"} <= record.keys():
            found.append((json.dumps({k: v for k, v in record.items() if not k.startswith("p_")}), {}))
    return found


def querydicts(text):
    """Query logs in dictionaries of Python."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Dict):
            try:
                record = ast.literal_eval(node)
            except (ValueError, TypeError):
                continue
            if {"query_name", "query_timestamp", "rcode"} <= record.keys():
                found.append((json.dumps(record), {}))
    return found


CODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}


def judge_query(record, _, result):
    """Compares an event with the query that it was."""
    r, event, unmapped, wrong = json.loads(record), result["ocsf"], result.get("unmapped") or {}, []
    ids = r.get("srcids") or {}
    for path, want in (("query.hostname", r["query_name"]), ("query.type", r.get("query_type")), ("query.class", r.get("query_class")), ("rcode_id", CODES.get(r["rcode"], 99)), ("src_endpoint.ip", r.get("srcaddr")),
                       ("src_endpoint.port", int(r["srcport"]) if r.get("srcport") else None), ("src_endpoint.vpc_uid", r.get("vpc_id")), ("src_endpoint.instance_uid", ids.get("instance")),
                       ("dst_endpoint.instance_uid", ids.get("resolver_endpoint")), ("dst_endpoint.interface_uid", ids.get("resolver_network_interface")), ("connection_info.protocol_name", r.get("transport")),
                       ("cloud.region", r.get("region")), ("firewall_rule.uid", r.get("firewall_rule_group_id")), ("activity_id", 6), ("metadata.product.version", r.get("version")),
                       ("disposition", {"BLOCK": "Blocked", "ALERT": "Alert", "ALLOW": "Allowed", None: "Unknown"}.get(r.get("firewall_rule_action"), r.get("firewall_rule_action")))):
        compare(wrong, event, path, want)
    answers = r.get("answers") or []
    if isinstance(answers, list):
        compare(wrong, event, "answers", [{k: a[n] for k, n in (("rdata", "Rdata"), ("type", "Type"), ("class", "Class")) if n in a} for a in answers] or None)
    if r.get("firewall_domain_list_id"):
        kept(wrong, unmapped, "firewall_domain_list_id", r["firewall_domain_list_id"])
    return wrong


def requests(text):
    """Logs of WAF: JSON objects anywhere in a text."""
    found, at, decoder = [], text.find("{"), json.JSONDecoder()
    while at >= 0:
        try:
            record, end = decoder.raw_decode(text, at)
        except ValueError:
            at = text.find("{", at + 1)
            continue
        if isinstance(record, dict) and "webaclId" in record and "httpRequest" in record:
            found.append((json.dumps(record), {}))
            at = text.find("{", end)
        else:
            at = text.find("{", at + 1)
    return found


def requestintake(text):
    """A test of SEKOIA.IO."""
    return requests(json.loads(text)["input"]["message"])


def requestdicts(text):
    """Logs of WAF in dictionaries of Python."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Dict):
            try:
                record = ast.literal_eval(node)
            except (ValueError, TypeError):
                continue
            if {"webaclId", "httpRequest"} <= record.keys():
                found.append((json.dumps(record), {}))
    return found


def requestrules(text):
    """Logs of WAF in the tests of Panther's rules, which write the time as text: it is given as WAF writes it."""
    import yaml
    logs = [t.get("Log") for t in (yaml.safe_load(text) or {}).get("Tests") or []]
    found = []
    for log in logs:
        if isinstance(log, dict) and "webaclId" in log and isinstance(log.get("httpRequest"), dict) and log.get("timestamp"):
            at = str(log["timestamp"]).replace("Z", "+00:00")
            found.append((json.dumps(log | {"timestamp": int(datetime.datetime.fromisoformat(at).timestamp() * 1000)}, default=str), {}))
    return found


def packedqueries(content):
    """Query logs in a packed object."""
    return queries(gzip.decompress(content).decode())


METHODS = {"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8}


def judge_request(record, _, result):
    """Compares an event with the request that it was."""
    r, event, unmapped, wrong = json.loads(record), result["ocsf"], result.get("unmapped") or {}, []
    http = r["httpRequest"]
    headers = http.get("headers") or []
    first = {}
    for h in headers:
        first.setdefault(h["name"].lower(), h["value"])
    match = (r.get("terminatingRuleMatchDetails") or [{}])[0]
    for path, want in (("time", r["timestamp"]), ("src_endpoint.ip", http["clientIp"]), ("src_endpoint.location.country", http.get("country")), ("src_endpoint.svc_name", r.get("httpSourceName")), ("src_endpoint.uid", r.get("httpSourceId")),
                       ("http_request.url.path", http.get("uri")), ("http_request.args", http.get("args")), ("http_request.version", http.get("httpVersion")), ("http_request.uid", http.get("requestId")), ("http_request.user_agent", first.get("user-agent")),
                       ("http_request.referrer", first.get("referer")), ("http_request.url.hostname", re.sub(r":\d+$", "", first["host"]) if "host" in first else None), ("activity_id", METHODS.get(http["httpMethod"], 99) if "httpMethod" in http else 0),
                       ("action_id", {"ALLOW": 1, "BLOCK": 2}.get(r["action"], 99)), ("firewall_rule.uid", r["terminatingRuleId"]), ("firewall_rule.type", r.get("terminatingRuleType")), ("firewall_rule.condition", match.get("conditionType")),
                       ("firewall_rule.match_details", match.get("matchedData")), ("http_status", r.get("responseCodeSent")), ("metadata.labels", [l["name"] for l in r.get("labels") or []] or None), ("metadata.product.feature.uid", r["webaclId"]),
                       ("http_request.http_headers", [{"name": h["name"], "value": h["value"]} for h in headers] or None)):
        compare(wrong, event, path, want)
    for name, value in paths({k: v for k, v in r.items() if k in ("nonTerminatingMatchingRules", "ruleGroupList", "captchaResponse", "challengeResponse", "ja3Fingerprint", "ja4Fingerprint", "requestBodySize", "oversizeFields")}):
        kept(wrong, unmapped, name, value)
    return wrong
