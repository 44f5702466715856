-- Everything but logins and changes of accounts. An Insights event has no caller: it says that an operation is called unusually often, or
-- fails unusually often.
-- class: api_activity
-- consumes: insightDetails.eventSource = api.service.name
-- consumes: insightDetails.eventName = api.operation
-- consumes: resources = list_transform(resources, lambda r: {'accountId': r.owner.account.uid, 'type': r."type", 'ARN': r.uid})
SELECT
  CASE WHEN "eventCategory" = 'Insight' THEN 99 ELSE verb_activity(verb_of("eventName"), "readOnly") END AS activity_id,
  CASE WHEN "errorCode" IS NULL THEN 'Success' ELSE 'Failure' END AS status,
  list_transform(resources, lambda r: {
    'uid': coalesce(r."ARN", r."ARNPrefix"), 'type': r."type", 'owner': {'account': {'uid': r."accountId"}}}) AS resources,
  seen(list_concat(
    [observed('actor.user.name', 4, coalesce("userIdentity"."userName", "additionalEventData"."UserName")), observed('src_endpoint.ip', 2, "src_endpoint.ip"),
      observed('src_endpoint.domain', 1, "src_endpoint.domain")],
    list_transform(resources, lambda r: observed('resources[].uid', 10, coalesce(r."ARN", r."ARNPrefix"))))) AS observables
FROM raw
WHERE coalesce("eventName", "insightDetails"."eventName") IS NOT NULL
  AND NOT coalesce(is_login("eventName", "eventSource"), false)
  AND NOT coalesce(is_account_change("eventName", "eventSource"), false);
