DROP INDEX audit_by_target;

DROP INDEX audit_by_actor;

DROP INDEX audit_by_tenant;

DROP INDEX audit_by_time;

DROP INDEX audit_by_version;

DROP TABLE audit;

DROP TABLE audit_head;
