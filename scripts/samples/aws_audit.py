"""Records of AWS's audit logs in public projects, and their judges. They know nothing of the mappings."""
import gzip, json, re

from judges import at, compare, stamp


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
