"""Events of Okta's System Log: how they are read from tests in YAML, and the judge, which knows nothing of the mapping."""
import datetime, json, re

# The class of an event by the beginning of its type; the first that fits.
CLASSES = [(r"security\.threat|.*report_suspicious", "detection_finding"), (r"user\.session|user\.authentication|policy\.evaluate_sign_on|.*deny_access|.*send_factor|app\.generic\.unauth", "authentication"),
           (r"user\.account\.privilege|application\.user_membership\.(?:add|remove)", "user_access"), (r"user\.(?:lifecycle|account|mfa\.factor)", "account_change"), (r"group\.", "group_management"),
           (r"policy\.|zone\.|system\.api_token|system\.agent|device\.|application\.lifecycle", "entity_management")]
ACTIVITIES = {"user.session.start": 1, "user.session.end": 2, "user.authentication.sso": 1, "user.lifecycle.create": 1, "user.lifecycle.deactivate": 5, "user.account.lock": 9, "user.account.update_password": 3,
              "user.account.reset_password": 4, "group.user_membership.add": 3, "group.user_membership.remove": 4, "group.lifecycle.delete": 5, "policy.lifecycle.create": 1, "application.user_membership.add": 1,
              "user.account.privilege.grant": 1, "system.api_token.create": 1, "system.api_token.revoke": 4, "device.enrollment.create": 1}


def tests_in_yaml(text):
    """Events in the tests of rules of Panther."""
    import yaml
    logs = [t.get("Log") for t in (yaml.safe_load(text) or {}).get("Tests") or []]
    return [(json.dumps(log, default=str), {}) for log in logs if isinstance(log, dict) and log.get("eventType")]


def objects_of_text(text):
    """One object over several lines, or an object a line."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append((json.dumps(value), {}))
    return found


def known(text):
    return text if text and text.lower() != "unknown" else None


def judge(record, result):
    """Compares an event with the record that it was."""
    raw, event, wrong = json.loads(record), result["ocsf"], []
    kind = raw["eventType"]
    want = next((c for p, c in CLASSES if re.match(p, kind)), "api_activity")
    if want == "entity_management" and not raw.get("target"):
        want = "api_activity"
    if result["class"] != want:
        wrong.append("the class is %s, not %s" % (result["class"], want))
    if kind in ACTIVITIES and event["activity_id"] != ACTIVITIES[kind]:
        wrong.append("the activity is %s, not %s" % (event["activity_id"], ACTIVITIES[kind]))
    actor, targets = raw.get("actor") or {}, raw.get("target") or []
    acting = (event.get("actor") or {}).get("user") or {}
    for ours, theirs in (("uid", "id"), ("name", "alternateId"), ("full_name", "displayName")):
        if acting.get(ours) != known(actor.get(theirs)):
            wrong.append("the actor's %s is %r, not %r" % (ours, acting.get(ours), actor.get(theirs)))
    users = [t for t in targets if t.get("type") == "User"]
    if want in ("account_change", "user_access", "group_management") and users and (event.get("user") or {}).get("uid") != users[0]["id"]:
        wrong.append("the user is %s, not %s" % (event.get("user"), users[0]))
    if want == "authentication" and actor.get("type") == "User" and not kind.startswith(("user.session.clear", "user.session.impersonation")) and (event.get("user") or {}).get("uid") != known(actor.get("id")):
        wrong.append("the user is %s, not %s" % (event.get("user"), actor))
    groups = [t for t in targets if t.get("type") == "UserGroup"]
    if want == "group_management" and groups and (event.get("group") or {}).get("uid") != groups[0]["id"]:
        wrong.append("the group is %s, not %s" % (event.get("group"), groups[0]))
    outcome = (raw.get("outcome") or {}).get("result")
    if want != "detection_finding" and event.get("status_id") != {"SUCCESS": 1, "ALLOW": 1, "FAILURE": 2, "DENY": 2, None: 0}.get(outcome, 99):
        wrong.append("the status is %s, not %s" % (event.get("status_id"), outcome))
    stamp = datetime.datetime.fromisoformat(str(raw["published"]).replace("Z", "+00:00"))
    if event["time"] != round((stamp if stamp.tzinfo else stamp.replace(tzinfo=datetime.timezone.utc)).timestamp() * 1000):
        wrong.append("the time is %d, not %s" % (event["time"], raw["published"]))
    text = json.dumps([event, result.get("unmapped")], ensure_ascii=False)
    for path in (("client", "ipAddress"), ("client", "userAgent", "rawUserAgent"), ("uuid",), ("transaction", "id"), ("authenticationContext", "externalSessionId"), ("securityContext", "asOrg"),
                 ("debugContext", "debugData", "requestUri"), ("outcome", "reason")):
        value = raw
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value and value != "unknown" and json.dumps(str(value), ensure_ascii=False)[1:-1] not in text:
            wrong.append("%s is lost: %r" % (".".join(path), value))
    for t in targets:
        if t.get("id") and t["id"] not in text:
            wrong.append("a target is lost: %s" % t)
    return wrong
