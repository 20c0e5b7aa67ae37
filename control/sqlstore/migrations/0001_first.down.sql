DROP TABLE consumer_groups;

DROP TABLE topics;

DROP INDEX access_keys_by_application;

DROP TABLE access_keys;

DROP TABLE applications;

DROP TABLE tenants;

DROP TABLE catalog_version;
