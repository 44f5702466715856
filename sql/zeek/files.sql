-- class: file_hosting
-- consumes: source = actor.invoked_by
-- consumes: total_bytes = file.size
-- consumes: uid = connection_info.uid
-- consumes: tx_hosts = [src_endpoint.ip]
-- consumes: rx_hosts = [dst_endpoint.ip]
-- consumes: conn_uids = [connection_info.uid]
-- consumes: "id.orig_h" = CASE WHEN activity_id = 1 THEN src_endpoint.ip ELSE dst_endpoint.ip END
-- consumes: "id.resp_h" = CASE WHEN activity_id = 1 THEN dst_endpoint.ip ELSE src_endpoint.ip END
-- consumes: "id.orig_p" = CASE WHEN activity_id = 1 THEN src_endpoint.port ELSE dst_endpoint.port END
-- consumes: "id.resp_p" = CASE WHEN activity_id = 1 THEN dst_endpoint.port ELSE src_endpoint.port END
--
-- Zeek saw a file. The source is the file's sender: the originator of the connection for an upload, the responder for a download. The
-- actor is the protocol, because OCSF requires one.
SELECT
  CASE WHEN yes(is_orig) THEN 1 WHEN NOT yes(is_orig) THEN 2 ELSE 0 END AS activity_id,
  coalesce(source, 'Unknown') AS "actor.invoked_by",
  coalesce(tx_hosts[1], CASE WHEN yes(is_orig) THEN "id.orig_h" ELSE "id.resp_h" END) AS "src_endpoint.ip",
  CASE WHEN yes(is_orig) THEN "id.orig_p" ELSE "id.resp_p" END AS "src_endpoint.port",
  coalesce(rx_hosts[1], CASE WHEN yes(is_orig) THEN "id.resp_h" ELSE "id.orig_h" END) AS "dst_endpoint.ip",
  CASE WHEN yes(is_orig) THEN "id.resp_p" ELSE "id.orig_p" END AS "dst_endpoint.port",
  coalesce(uid, conn_uids[1]) AS "connection_info.uid",
  CASE WHEN "id.orig_h" IS NOT NULL THEN direction_between("id.orig_h", "id.resp_h") WHEN yes(is_orig) THEN direction_between(tx_hosts[1], rx_hosts[1])
    ELSE direction_between(rx_hosts[1], tx_hosts[1]) END AS "connection_info.direction_id",
  CASE WHEN contains(coalesce("id.orig_h", tx_hosts[1]), ':') THEN 6 ELSE 4 END AS "connection_info.protocol_ver_id",
  duration * 1000 AS duration,
  coalesce(basename(filename), filename, fuid) AS "file.name",
  filename AS "file.path",
  fuid AS "file.uid",
  1 AS "file.type_id", -- Regular File
  coalesce(total_bytes, seen_bytes) AS "file.size",
  mime_type AS "file.mime_type",
  [{'algorithm_id': 1, 'value': md5}, {'algorithm_id': 2, 'value': sha1}, {'algorithm_id': 3, 'value': sha256}] AS "file.hashes"
FROM raw
WHERE log_of(_path, conn_state, rejected, request_body_len, established, fuid, source, note, key.file) = 'files' AND coalesce(tx_hosts[1], "id.orig_h") IS NOT NULL;
