-- otherwise: base_event
--
-- Events without two addresses: ARP, messages of the engine, and packets that Suricata could not decode.
SELECT
  0 AS activity_id,
  coalesce(anomaly.event, event_type) AS message
FROM raw
WHERE event_type IS NOT NULL AND (src_ip IS NULL OR dest_ip IS NULL);
