-- What a tenant used on a day, as one run of a proxy counted it. Rows outlive their tenant: what was used was used.
CREATE TABLE usage_days (
    tenant       VARCHAR(20)  NOT NULL,
    day          VARCHAR(10)  NOT NULL,
    run          VARCHAR(200) NOT NULL,
    messages_in  BIGINT       NOT NULL,
    bytes_in     BIGINT       NOT NULL,
    messages_out BIGINT       NOT NULL,
    bytes_out    BIGINT       NOT NULL,
    PRIMARY KEY (tenant, day, run)
);
CREATE INDEX usage_by_day ON usage_days (day);
