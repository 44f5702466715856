-- Policies, zones, applications, tokens, identity providers, roles, devices and other things that have a life cycle.
-- class: entity_management
SELECT
  okta_change(eventType) AS activity_id,
  coalesce(okta_name(okta_thing(target)), okta_login(okta_thing(target)), okta_id(okta_thing(target))) AS "entity.name",
  okta_id(okta_thing(target)) AS "entity.uid",
  okta_thing(target)."type" AS "entity.type"
FROM raw
WHERE okta_kind(eventType, target) = 'entity';
