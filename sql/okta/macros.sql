-- What an event becomes, by its type. NULL: API activity.
CREATE MACRO okta_kind(t, things) AS CASE
  WHEN regexp_full_match(t, 'security\.(?:threat|breached_credential)\.detected|security\.attack\.start|security\.session\.detect_client_roaming|user\.risk\.(?:detect|change)|user\.account\.report_suspicious_activity_by_enduser')
    THEN 'finding'
  WHEN regexp_full_match(t, 'user\.(?:session|authentication)\..*|policy\.evaluate_sign_on|app\.generic\.unauth_app_access_attempt|application\.policy\.sign_on\.deny_access|user\.mfa\.(?:attempt_bypass|okta_verify.*)|system\.push\.send_factor_verify_push')
    THEN 'login'
  WHEN regexp_full_match(t, 'user\.account\.privilege\.(?:grant|revoke)|application\.user_membership\.(?:add|remove|provision|deprovision|restore|revoke|approve|deny|update|change_username)')
    THEN 'access'
  WHEN regexp_full_match(t, 'user\.(?:lifecycle|account|mfa\.factor|credential)\..*') THEN 'account'
  WHEN starts_with(t, 'group.') THEN 'group'
  WHEN regexp_full_match(t, '(?:policy|zone|iam|network_zone|device|application\.configuration|system\.(?:api_token|idp|mfa\.factor|agent))\..*|.*\.lifecycle\..*')
    AND things[1] IS NOT NULL THEN 'entity' END;

-- The last word of a type, which is what was done.
CREATE MACRO okta_verb(t) AS regexp_extract(t, '([a-z_]+)(?:\.(?:completed|initiated|reset))?$', 1);
-- activity_id of a change of a thing: Create, Read, Update, Delete, Other.
CREATE MACRO okta_change(t) AS list_transform([okta_verb(t)], lambda v: CASE
  WHEN regexp_full_match(v, 'create(?:_.*)?|add|register|agent_instance_added|enroll|grant|access_token|id_token|refresh_token|code') THEN 1
  WHEN regexp_full_match(v, 'read|view|show|show_password|list|get|export|download|query') THEN 2
  WHEN regexp_full_match(v, 'update(?:_.*)?|change(?:_.*)?|activate|deactivate|suspend|unsuspend|config_change_detected|rotate|enable|disable|overwrite|reorder|assign|unassign') THEN 3
  WHEN regexp_full_match(v, 'delete(?:_.*)?|revoke|remove|unregister|purge|clear') THEN 4
  ELSE 99 END)[1];

CREATE MACRO okta_status(r) AS CASE WHEN r IN ('SUCCESS', 'ALLOW') THEN 1 WHEN r IN ('FAILURE', 'DENY') THEN 2 WHEN r IS NULL THEN 0 ELSE 99 END;
CREATE MACRO okta_severity(s) AS CASE WHEN s IS NULL THEN 0 WHEN s IN ('DEBUG', 'INFO') THEN 1 WHEN s = 'WARN' THEN 3 WHEN s = 'ERROR' THEN 4 ELSE 99 END;

-- The first target of a type.
CREATE MACRO okta_target(things, kind) AS list_filter(things, lambda t: t."type" = kind)[1];
-- Whom a change concerns: the target that is a user, else an application's user.
CREATE MACRO okta_person(things) AS list_transform([things], lambda l: coalesce(list_filter(l, lambda t: t."type" IN ('User', 'NewUser'))[1], list_filter(l, lambda t: t."type" = 'AppUser')[1]))[1];
-- What a change concerns: the first target that is not a person, else the first.
CREATE MACRO okta_thing(things) AS list_transform([things], lambda l: coalesce(list_filter(l, lambda t: t."type" NOT IN ('User', 'AppUser'))[1], l[1]))[1];
-- The identifier, the login and the name of a target.
CREATE MACRO okta_id(t) AS t.id;
CREATE MACRO okta_login(t) AS nullif(t.alternateId, 'unknown');
CREATE MACRO okta_name(t) AS nullif(t.displayName, 'unknown');
-- The same of the actor, where no target is the user.
CREATE MACRO okta_user_login(t, other) AS list_transform([t], lambda p: CASE WHEN p IS NULL THEN other ELSE okta_login(p) END)[1];
CREATE MACRO okta_user_name(t, other) AS list_transform([t], lambda p: CASE WHEN p IS NULL THEN other ELSE okta_name(p) END)[1];
-- The target who is the user of a login: where somebody else than the user acts.
CREATE MACRO okta_login_target(t, kind, things) AS CASE WHEN starts_with(t, 'user.session.impersonation.') OR t = 'user.session.clear' OR coalesce(kind <> 'User', FALSE)
  THEN okta_target(things, 'User') END;


CREATE MACRO okta_mail(t) AS nullif(regexp_extract(t, '^[^@\s]+@[^@\s]+\.[^@\s]+$'), '');
CREATE MACRO okta_user_type(t) AS CASE WHEN t IS NULL THEN 0 WHEN t = 'User' THEN 1 WHEN t = 'SystemPrincipal' THEN 3 ELSE 99 END; -- User, System

-- Returns the privileges that an event grants or revokes, which are one text: Super administrator, Read only admin.
CREATE MACRO okta_privileges(granted, revoked) AS list_filter(string_split(coalesce(granted, revoked), ', '), lambda p: p <> '');
