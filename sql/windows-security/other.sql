-- otherwise: base_event
--
-- Every other event of the Security log: its text is the message, and its values are in unmapped.
SELECT
  0 AS activity_id, -- Unknown
  audit_status(Keywords, winlog.keywords, EventType, "event".outcome) AS status_id
FROM raw
WHERE EventID IS NOT NULL AND is_security(Channel, ProviderName);
