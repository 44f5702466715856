-- otherwise: network_activity
--
-- Records of other logs (ssh, smb_files, smtp, rdp, kerberos, weird and others): Traffic between two addresses. All that they say
-- about the protocol is in unmapped.
SELECT
  6 AS activity_id, -- Traffic
  service AS "dst_endpoint.svc_name"
FROM raw
WHERE "id.orig_h" IS NOT NULL AND "id.resp_h" IS NOT NULL;
