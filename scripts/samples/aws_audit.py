"""Records of AWS's audit logs in public projects, and their judges. They know nothing of the mappings."""
import gzip, json, re

from judges import at, compare, paths, stamp


def documents(content):
    """Events of CloudTrail: of an object, packed or not, or one event. Each is given as a document of its own."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    try:
        doc = json.loads(content)
    except ValueError:
        return []
    if "Records" not in doc and "eventVersion" not in doc:
        return []
    return [(json.dumps({"Records": [e]}), {}) for e in doc.get("Records", [doc])]


def intake_events(content):
    """Events of CloudTrail in tests of SEKOIA.IO's intake formats."""
    message = json.loads(content)["input"]["message"]
    return documents(message.encode())


# Operations of IAM that change something which does not belong to a user, a role or a group.
NO_ACCOUNT = re.compile("(?:Policy|PolicyVersion|OpenIDConnectProvider|SAMLProvider|Server|Certificate|CreateGroup|Generate)")
VERBS = {"Create": "Create", "Run": "Create", "Get": "Read", "List": "Read", "Describe": "Read", "Head": "Read", "Lookup": "Read", "Update": "Update",
         "Put": "Update", "Modify": "Update", "Delete": "Delete", "Terminate": "Delete"}


def judge_cloudtrail(record, result):
    """Compares an event with the CloudTrail event that it was."""
    raw, event, wrong = json.loads(record)["Records"][0], result["ocsf"], []
    who, name, service = raw.get("userIdentity") or {}, raw.get("eventName"), (raw.get("eventSource") or "").split(".")[0]
    context, extra = who.get("sessionContext") or {}, raw.get("additionalEventData") or {}
    if name:
        want = "authentication" if (service, name) in {("signin", "ConsoleLogin"), ("signin", "CheckMfa")} or service == "sts" and name.startswith("AssumeRole") else \
            "account_change" if service == "iam" and not raw.get("readOnly") and re.search("User|Role|AccessKey|LoginProfile|MFA|InstanceProfile", name) and \
            not name.startswith(("Get", "List", "Simulate")) else "api_activity"
        if result["class"] != want and not NO_ACCOUNT.search(name):
            wrong.append("the class is %s, not %s" % (result["class"], want))
    if result["class"] == "api_activity" and name:
        verb = re.match("[A-Z][a-z]+", name)
        if verb and verb[0] in VERBS and event["activity_name"] != VERBS[verb[0]]:
            wrong.append("%s is %s" % (name, event["activity_name"]))
    response = raw.get("responseElements") or {}
    failed = raw.get("errorCode") is not None or response.get("ConsoleLogin") == "Failure"
    address = raw.get("sourceIPAddress")
    account = raw.get("recipientAccountId") or ""
    for path, want in (
            ("time", stamp(raw["eventTime"])), ("status", "Failure" if failed else "Success"), ("metadata.uid", raw.get("eventID")), ("metadata.event_code", raw.get("eventType")),
            ("metadata.product.version", raw.get("eventVersion")), ("api.operation", name), ("api.service.name", raw.get("eventSource")), ("api.version", raw.get("apiVersion")),
            ("api.response.error", raw.get("errorCode")), ("api.response.message", raw.get("errorMessage")), ("cloud.region", raw.get("awsRegion")),
            ("cloud.account.uid", account if re.fullmatch("[0-9]{12}", account) else None), ("actor.user.uid", who.get("arn")), ("actor.user.uid_alt", who.get("principalId")),
            ("actor.user.account.uid", who.get("accountId")), ("actor.user.credential_uid", who.get("accessKeyId")), ("actor.user.name", who.get("userName")),
            ("actor.invoked_by", who.get("invokedBy")), ("actor.session.issuer", at(context, "sessionIssuer.arn")), ("http_request.user_agent", raw.get("userAgent")),
            ("src_endpoint.uid", raw.get("vpcEndpointId"))):
        if want is not None:
            compare(wrong, event, path, want)
    if address and address not in (at(event, "src_endpoint.ip"), at(event, "src_endpoint.domain")):
        wrong.append("the source is %s, not %s" % (event.get("src_endpoint"), address))
    if extra.get("MFAUsed") and event.get("is_mfa") != (extra["MFAUsed"] == "Yes"):
        wrong.append("is_mfa is %s" % event.get("is_mfa"))
    if result["class"] == "api_activity":
        for i, resource in enumerate(raw.get("resources") or []):
            have = (event.get("resources") or [{}] * (i + 1))[i]
            if have.get("uid") != (resource.get("ARN") or resource.get("ARNPrefix")) or have.get("type") != resource.get("type"):
                wrong.append("resource %d is %s" % (i, have))
    text = json.dumps(event) + json.dumps(result.get("unmapped", {}))
    for secret in ("sessionToken", "secretAccessKey"):
        value = at(response, "credentials." + secret)
        if value and value in text:
            wrong.append("the %s is published" % secret)
    for path, value in (("api.request.data", raw.get("requestParameters")), ("api.response.data", raw.get("responseElements"))):
        if value is not None and masked(json.loads(at(event, path) or "null"), value) != value:
            wrong.append("%s is %s" % (path, at(event, path)))
    return wrong


def masked(have, want):
    """A value, with those of another one in place of masks."""
    if have == "***":
        return want
    if isinstance(have, dict) and isinstance(want, dict):
        return {k: masked(v, want.get(k)) for k, v in have.items()}
    if isinstance(have, list) and isinstance(want, list) and len(have) == len(want):
        return [masked(a, b) for a, b in zip(have, want)]
    return have


def audit_events(content):
    """Audit events of Kubernetes: JSON objects anywhere in a text, also in texts of JSON. Those of tests that have no time get one."""
    found, decoder = [], json.JSONDecoder()

    def search(text):
        at = text.find("{")
        while at >= 0:
            try:
                value, end = decoder.raw_decode(text, at)
            except ValueError:
                at = text.find("{", at + 1)
                continue
            visit(value)
            at = text.find("{", end)

    def visit(value):
        if isinstance(value, dict) and "auditID" in value and "verb" in value:
            if "requestReceivedTimestamp" not in value:
                value.setdefault("stageTimestamp", "2025-06-01T08:00:00.123456Z")
            found.append((json.dumps(value), {}))
        elif isinstance(value, (dict, list)):
            for v in value.values() if isinstance(value, dict) else value:
                visit(v)
        elif isinstance(value, str) and '"auditID"' in value:
            search(value)

    search(content.decode("utf-8", "replace"))
    return found


def judge_eks(record, result):
    """Compares an event with the audit event that it was."""
    raw, event, wrong = json.loads(record), result["ocsf"], []
    user, ref, status = raw.get("user") or {}, raw.get("objectRef") or {}, raw.get("responseStatus") or {}
    verbs = {"create": "Create", "get": "Read", "list": "Read", "watch": "Read", "update": "Update", "patch": "Update", "delete": "Delete", "deletecollection": "Delete"}
    for path, want in (
            ("time", stamp(raw.get("stageTimestamp") or raw["requestReceivedTimestamp"])), ("activity_name", verbs.get(raw["verb"], "Other")), ("api.operation", raw["verb"]),
            ("api.request.uid", raw["auditID"]), ("message", raw.get("stage")), ("metadata.log_level", raw.get("level")), ("metadata.product.version", raw.get("apiVersion")),
            ("http_request.url.path", raw.get("requestURI")), ("http_request.user_agent", raw.get("userAgent")), ("actor.user.name", user.get("username")),
            ("actor.user.uid", user.get("uid")), ("api.response.code", status.get("code")), ("api.response.error", status.get("reason")),
            ("api.response.message", status.get("message")), ("api.version", ref.get("apiVersion")), ("api.group.name", ref.get("apiGroup"))):
        if want is not None:
            compare(wrong, event, path, want)
    if [g["name"] for g in at(event, "actor.user.groups") or []] != (user.get("groups") or []):
        wrong.append("the groups are %s" % at(event, "actor.user.groups"))
    resource = (event.get("resources") or [{}])[0]
    kind = "/".join(v for v in (ref.get("resource"), ref.get("subresource")) if v)
    for name, want in (("name", ref.get("name")), ("namespace", ref.get("namespace")), ("uid", ref.get("uid")), ("version", ref.get("resourceVersion")), ("type", kind or None)):
        if want is not None and resource.get(name) != want and name + "s" not in json.dumps(result.get("unmapped", {})) and want not in json.dumps(result.get("unmapped", {})):
            wrong.append("the resource's %s is %s, not %s" % (name, resource.get(name), want))
    addresses = [at(event, "src_endpoint.ip")] + (at(event, "src_endpoint.intermediate_ips") or [])
    for address in raw.get("sourceIPs") or []:
        if address not in addresses and address not in json.dumps(result.get("unmapped", {})):
            wrong.append("the address %s is lost" % address)
    return wrong


OCSF_FINDINGS = {2002: "vulnerability_finding", 2003: "compliance_finding", 2004: "detection_finding"}


def findings(content):
    """Findings in the AWS Security Finding Format, or in OCSF: JSON objects, also in the envelopes of EventBridge and of GetFindings, of an object that can be packed."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    found = []

    def visit(value):
        if isinstance(value, dict) and ({"ProductArn", "Id", "AwsAccountId"} <= value.keys() or value.get("class_uid") in OCSF_FINDINGS and "arn:aws:securityhub:" in str(at(value, "metadata.product.uid"))):
            found.append((json.dumps(value, default=str), {}))
        elif isinstance(value, (dict, list)):
            for v in value.values() if isinstance(value, dict) else value:
                visit(v)
        elif isinstance(value, str) and '"class_uid"' in value:  # an event in a text of JSON
            visit(json.loads(value))

    try:
        visit(json.loads(content))
    except ValueError:
        return []
    return found


def intake_findings(content):
    """Findings in OCSF, in tests of SEKOIA.IO's intake formats."""
    return findings(json.dumps(json.loads(content)["input"]).encode())


def judge_ocsf(raw, result):
    """Compares an event with the event that it was: each value is where it was, or in unmapped. Lists of objects are compared by their identifiers."""
    event, unmapped, wrong = result["ocsf"], result.get("unmapped") or {}, []
    if result["class"] != OCSF_FINDINGS[raw["class_uid"]]:
        wrong.append("the class is %s" % result["class"])
    for path, value in paths(raw):
        have = at(event, path)
        if path.endswith("_dt") and have is not None:
            have, value = stamp(have), stamp(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            if path == "resources" and result["class"] != "detection_finding":
                have = [event.get("resource") or {}]
            pairs = [[(v.get("uid"), v.get("type"), v.get("value"), at(v, "cve.uid"), at(v, "src_endpoint.ip")) for v in vs] for vs in (have or [], value)]
            if pairs[0] != pairs[1] and path not in unmapped and "ocsf." + path not in unmapped:
                wrong.append("%s is %s" % (path, pairs[0]))
        elif have != value and str(have) != str(value) and path not in unmapped:
            wrong.append("%s is %r, not %r" % (path, have, value))
    return wrong


def judge_security_hub(record, result):
    """Compares an event with the finding that it was."""
    raw, event, wrong = json.loads(record), result["ocsf"], []
    if "class_uid" in raw:
        return judge_ocsf(raw, result)
    product = raw["ProductArn"].split("/")[-1]
    want = "vulnerability_finding" if product == "inspector" else "compliance_finding" if product in ("securityhub", "config") else \
        "vulnerability_finding" if raw.get("Vulnerabilities") else "compliance_finding" if raw.get("Compliance") else "detection_finding"
    if result["class"] != want:
        wrong.append("the class is %s, not %s" % (result["class"], want))
    label = (raw.get("Severity") or {}).get("Label")
    workflow = {"NEW": "New", "NOTIFIED": "In Progress", "SUPPRESSED": "Suppressed", "RESOLVED": "Resolved"}.get((raw.get("Workflow") or {}).get("Status"))
    account = raw["AwsAccountId"]
    for path, want in (
            ("time", stamp(raw["UpdatedAt"])), ("finding_info.uid", raw["Id"]), ("finding_info.title", raw.get("Title")), ("finding_info.desc", raw.get("Description")),
            ("finding_info.types", raw.get("Types")), ("severity", label.capitalize() if label else None), ("status", workflow), ("cloud.region", raw.get("Region")),
            ("cloud.account.uid", account if re.fullmatch("[0-9]{12}", account) else None), ("metadata.product.uid", raw["ProductArn"]),
            ("metadata.product.name", raw.get("ProductName")), ("metadata.product.feature.uid", raw.get("GeneratorId")), ("metadata.log_version", raw.get("SchemaVersion")),
            ("activity_name", "Create" if stamp(raw["CreatedAt"]) == stamp(raw["UpdatedAt"]) else "Update"), ("compliance.status", (raw.get("Compliance") or {}).get("Status"))):
        if want is not None and (not path.startswith("compliance") or result["class"] == "compliance_finding"):
            compare(wrong, event, path, want)
    resources = event.get("resources") or [event.get("resource") or {}]
    for have, want in zip(resources, raw.get("Resources") or []):
        if (have.get("uid"), have.get("type")) != (want.get("Id"), want.get("Type")):
            wrong.append("the resource is %s, not %s" % (have.get("uid"), want.get("Id")))
    ids = [v.get("Id") for v in raw.get("Vulnerabilities") or []]
    if result["class"] == "vulnerability_finding" and [at(v, "cve.uid") for v in event.get("vulnerabilities") or []] != ids:
        wrong.append("the vulnerabilities are not %s" % ids)
    return wrong
