-- Signatures of the ASA's own IPS (400000 to 400050).
-- class: detection_finding
SELECT
  1 AS activity_id, -- Create
  asa_severity("level") AS severity_id,
  concat_ws('/', asa_host(head), asa_stamp(head), signature_id, src_ip, dst_ip) AS "finding_info.uid",
  signature AS "finding_info.title",
  signature_id AS "finding_info.analytic.uid",
  signature AS "finding_info.analytic.name",
  1 AS "finding_info.analytic.type_id", -- Rule
  [{'src_endpoint': {'ip': src_ip, 'interface_name': src_if}, 'dst_endpoint': {'ip': dst_ip}}] AS evidences
FROM raw
WHERE asa_signature(msgid) AND signature_id IS NOT NULL;
