-- class: authentication
-- without: user
--
-- AppFabric leaves the user empty where it is the actor who logs on. Such an event has the actor's user, and is published without
-- a user if the actor has none.
SELECT
  user_or_actor(raw."user".name, raw."user".name, raw."user".uid, raw."user".email_addr, actor."user".name) AS "user.name",
  user_or_actor(raw."user".uid, raw."user".name, raw."user".uid, raw."user".email_addr, actor."user".uid) AS "user.uid",
  user_or_actor(raw."user".email_addr, raw."user".name, raw."user".uid, raw."user".email_addr, actor."user".email_addr) AS "user.email_addr",
  user_or_actor(raw."user".credential_uid, raw."user".name, raw."user".uid, raw."user".email_addr, actor."user".credential_uid) AS "user.credential_uid",
  user_or_actor(raw."user"."type", raw."user".name, raw."user".uid, raw."user".email_addr, actor."user"."type") AS "user.type",
  user_or_actor(raw."user".type_id, raw."user".name, raw."user".uid, raw."user".email_addr, actor."user".type_id) AS "user.type_id",
  http_request, auth_protocol, auth_protocol_id, is_mfa
FROM raw
WHERE class_uid = 3002;
