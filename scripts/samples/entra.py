"""Sign-ins of Microsoft Entra ID: how they are read from tests, and the judge, which knows nothing of the mapping."""
import datetime, json

KINDS = {"SignInLogs": "interactiveUser", "NonInteractiveUserSignInLogs": "nonInteractiveUser", "ServicePrincipalSignInLogs": "servicePrincipal", "ManagedIdentitySignInLogs": "managedIdentity"}
INTERRUPTS = {50058, 50072, 50074, 50125, 50140, 50168, 50199}


def is_sign_in(record):
    return "SignInLogs" in str(record.get("category")) or ("category" not in record and "createdDateTime" in record and "appId" in record)


def tests_in_yaml(text):
    """Sign-ins in the tests of rules of Panther."""
    import yaml
    logs = [t.get("Log") for t in (yaml.safe_load(text) or {}).get("Tests") or []]
    return [(json.dumps(log, default=str), {}) for log in logs if isinstance(log, dict) and is_sign_in(log)]


def intake(text):
    """A sign-in in a test of SEKOIA.IO's intake formats."""
    record = json.loads(json.loads(text)["input"]["message"])
    return [(json.dumps(record), {})] if is_sign_in(record) else []


def get(value, *names):
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if value != "" else None


def instant(text):
    stamp = datetime.datetime.fromisoformat(text[:26].rstrip("Z") if "." in text else text.replace("Z", "+00:00"))
    return int((stamp if stamp.tzinfo else stamp.replace(tzinfo=datetime.timezone.utc)).timestamp() * 1000)


def judge(record, result):
    """Compares an event with the record that it was."""
    raw, event, wrong = json.loads(record), result["ocsf"], []
    p = raw.get("properties", raw)
    top = {k.lower(): v for k, v in raw.items()}
    app = raw.get("category") in ("ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs")
    code = get(p, "status", "errorCode")
    if code is None and str(top.get("resulttype", "")).isdigit():
        code = int(top["resulttype"])
    status = {"success": 1, "failure": 2}.get(str(top.get("resulttype")).lower(), 0) if code is None else 1 if code == 0 else 99 if code in INTERRUPTS else 2
    kind = "nonInteractiveUser" if raw.get("category") == "SignInLogs" and p.get("isInteractive") is False else KINDS.get(raw.get("category"), "interactiveUser")
    want = {
        ("class_uid",): 3002, ("activity_id",): 1, ("status_id",): status, ("status_code",): None if code is None else str(code), ("logon_type",): kind,
        ("time",): instant(str(p.get("createdDateTime") or raw["time"])),
        ("user", "uid"): get(p, "servicePrincipalId" if app else "userId"), ("user", "name"): get(p, "servicePrincipalName" if app else "userPrincipalName"),
        ("user", "type_id"): 3 if app else 1, ("src_endpoint", "location", "city"): get(p, "location", "city"), ("src_endpoint", "location", "country"): get(p, "location", "countryOrRegion"),
        ("http_request", "user_agent"): get(p, "userAgent"), ("service", "uid"): get(p, "resourceId"), ("metadata", "uid"): get(p, "id"), ("actor", "invoked_by"): get(p, "appDisplayName"),
    }
    address = get(p, "ipAddress") or top.get("calleripaddress")
    if address and (":" in address or "." in address):
        want[("src_endpoint", "ip")] = address
    details = get(p, "status", "additionalDetails") or ""
    if status != 1 or app:
        want[("is_mfa",)] = None
    elif details.startswith(("MFA completed", "MFA requirement satisfied")):
        want[("is_mfa",)] = True
    for path, value in want.items():
        if get(event, *path) != value:
            wrong.append("%s is %r, not %r" % (".".join(path), get(event, *path), value))
    text = json.dumps([event, result.get("unmapped")], ensure_ascii=False)
    for path in (("appId",), ("riskState",), ("riskLevelDuringSignIn",), ("authenticationProtocol",), ("clientAppUsed",), ("conditionalAccessStatus",), ("uniqueTokenIdentifier",), ("sessionId",),
                 ("status", "failureReason"), ("status", "additionalDetails"), ("deviceDetail", "deviceId"), ("deviceDetail", "browser"), ("mfaDetail", "authMethod"), ("correlationId",), ("homeTenantId",), ("createdDateTime",)):
        value = get(p, *path)
        if value and value not in ("oAuth2", "saml20", "none") and json.dumps(str(value), ensure_ascii=False)[1:-1] not in text:
            wrong.append("%s is lost: %r" % (".".join(path), value))
    for policy in p.get("appliedConditionalAccessPolicies") or []:
        if policy["id"] not in text:
            wrong.append("a policy is lost: %s" % policy)
    return wrong
