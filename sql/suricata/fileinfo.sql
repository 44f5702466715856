-- class: file_hosting
-- consumes: fileinfo.filename = file.path
-- consumes: http.hostname = coalesce(src_endpoint.hostname, dst_endpoint.hostname)
-- consumes: http.http_user_agent = actor.invoked_by
-- consumes: smtp.mail_from = actor."user".name
--
-- Suricata saw a file on the network. The source is the file's sender: the client for an upload, the server for a download. The
-- actor is the user agent of the request, or else the protocol, because OCSF requires one.
SELECT
  CASE WHEN is_download(app_proto, http.http_method, http.http_port, smb.command, ftp_data.command, src_port, dest_port) THEN 2 ELSE 1 END AS activity_id,
  coalesce(http.http_user_agent, app_proto, lower(proto), 'Unknown') AS "actor.invoked_by",
  smtp.mail_from AS "actor.user.name",
  trim(smtp.mail_from, '<>') AS "actor.user.email_addr",
  coalesce(basename(fileinfo.filename), fileinfo.filename, fileinfo.sha256, 'Unknown') AS "file.name",
  fileinfo.filename AS "file.path",
  1 AS "file.type_id", -- Regular File
  fileinfo.size AS "file.size",
  fileinfo.magic AS "file.desc",
  http.http_content_type AS "file.mime_type",
  [{'algorithm_id': 1, 'value': fileinfo.md5}, {'algorithm_id': 2, 'value': fileinfo.sha1}, {'algorithm_id': 3, 'value': fileinfo.sha256}] AS "file.hashes",
  CASE WHEN is_download(app_proto, http.http_method, http.http_port, smb.command, ftp_data.command, src_port, dest_port)
    THEN app_proto END AS "src_endpoint.svc_name",
  CASE WHEN is_download(app_proto, http.http_method, http.http_port, smb.command, ftp_data.command, src_port, dest_port)
    THEN NULL ELSE app_proto END AS "dst_endpoint.svc_name",
  CASE WHEN is_download(app_proto, http.http_method, http.http_port, smb.command, ftp_data.command, src_port, dest_port)
    THEN http.hostname END AS "src_endpoint.hostname",
  CASE WHEN is_download(app_proto, http.http_method, http.http_port, smb.command, ftp_data.command, src_port, dest_port)
    THEN NULL ELSE http.hostname END AS "dst_endpoint.hostname",
  CASE WHEN is_download(app_proto, http.http_method, http.http_port, smb.command, ftp_data.command, src_port, dest_port)
    THEN direction_between(dest_ip, src_ip) ELSE direction_between(src_ip, dest_ip) END AS "connection_info.direction_id"
FROM raw
WHERE event_type = 'fileinfo';
