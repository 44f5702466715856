-- class: detection_finding
--
-- A notice of a script. Its severity is Medium if the action of the notice is to alert somebody (ACTION_ALARM, ACTION_EMAIL, ACTION_PAGE),
-- and otherwise Informational. The id of the finding consists of the note, the connection and the time.
SELECT
  1 AS activity_id, -- Create
  1 AS status_id, -- New
  CASE WHEN list_contains(actions, 'Notice::ACTION_ALARM') OR list_contains(actions, 'Notice::ACTION_EMAIL') OR list_contains(actions, 'Notice::ACTION_PAGE')
    OR list_contains(actions, 'Notice::ACTION_EMAIL_ADMIN') THEN 3 ELSE 1 END AS severity_id,
  msg AS message,
  concat_ws(':', note, coalesce(uid, fuid, src), epoch_us(zeek_time(ts))) AS "finding_info.uid",
  note AS "finding_info.title",
  msg AS "finding_info.desc",
  [note] AS "finding_info.types",
  zeek_time(ts) AS "finding_info.created_time",
  note AS "finding_info.analytic.name",
  1 AS "finding_info.analytic.type_id", -- Rule
  [{
    'src_endpoint': {'ip': coalesce("id.orig_h", src), 'port': CASE WHEN proto = 'icmp' THEN NULL ELSE "id.orig_p" END},
    'dst_endpoint': {'ip': coalesce("id.resp_h", dst), 'port': CASE WHEN proto = 'icmp' THEN NULL ELSE coalesce("id.resp_p", p) END},
    'connection_info': {
      'uid': uid,
      'direction_id': CASE WHEN coalesce("id.orig_h", src) IS NOT NULL AND coalesce("id.resp_h", dst) IS NOT NULL
        THEN direction_between(coalesce("id.orig_h", src), coalesce("id.resp_h", dst)) END,
      'protocol_name': proto, 'protocol_num': iana_protocol(proto)}
  }] AS evidences
FROM raw
WHERE log_of(_path, conn_state, rejected, request_body_len, established, fuid, source, note, key.file) = 'notice';
