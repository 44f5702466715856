-- class: smb_activity
-- consumes: smb.created = coalesce(file.created_time // 1000, 0)
-- consumes: smb.accessed = coalesce(file.accessed_time // 1000, 0)
-- consumes: smb.modified = coalesce(file.modified_time // 1000, 0)
-- consumes: smb.share_type = upper(share_type)
-- consumes: smb.disposition = upper(replace(activity_name, ' ', '_'))
--
-- An SMB command and its response. The activity is how a file was opened; other commands are Other, with their name.
SELECT
  CASE smb.disposition WHEN 'FILE_SUPERSEDE' THEN 1 WHEN 'FILE_OPEN' THEN 2 WHEN 'FILE_CREATE' THEN 3 WHEN 'FILE_OPEN_IF' THEN 4
    WHEN 'FILE_OVERWRITE' THEN 5 WHEN 'FILE_OVERWRITE_IF' THEN 6 ELSE 99 END AS activity_id,
  -- more processing is a step of a login, and warnings are not failures
  CASE WHEN smb.status_code IS NULL THEN 0 WHEN smb.status_code = '0x0' THEN 1
    WHEN starts_with(lower(smb.status_code), '0xc') AND lower(smb.status_code) <> '0xc0000016' THEN 2 ELSE 99 END AS status_id,
  smb.status_code AS status_code,
  smb.status AS status_detail,
  smb.command AS command,
  smb.dialect AS dialect,
  smb.client_dialects AS client_dialects,
  smb.access AS open_type,
  smb.share AS share,
  CASE smb.share_type WHEN 'FILE' THEN 1 WHEN 'PIPE' THEN 2 WHEN 'PRINT' THEN 3 ELSE CASE WHEN smb.share_type IS NOT NULL THEN 0 END END AS share_type_id,
  smb.tree_id AS tree_uid,
  smb.session_id AS "connection_info.session.uid",
  coalesce(app_proto, 'smb') AS "dst_endpoint.svc_name",
  smb.ntlmssp.host AS "src_endpoint.hostname",
  smb.ntlmssp."user" AS "actor.user.name",
  smb.ntlmssp."domain" AS "actor.user.domain",
  smb.filename AS "file.name",
  smb.fuid AS "file.uid",
  smb.size AS "file.size",
  CASE WHEN smb.share_type = 'PIPE' THEN 6 ELSE 0 END AS "file.type_id",
  time_unless_zero(smb.created) AS "file.created_time",
  time_unless_zero(smb.accessed) AS "file.accessed_time",
  time_unless_zero(smb.modified) AS "file.modified_time"
FROM raw
WHERE event_type = 'smb';
