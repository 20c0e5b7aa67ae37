-- Nouns that have no table of their own. tenant is '' for the installation's own. body and hidden are JSON, hidden '' for none.
CREATE TABLE documents (
    kind     VARCHAR(32)  NOT NULL,
    tenant   VARCHAR(20)  NOT NULL,
    name     VARCHAR(200) NOT NULL,
    body     TEXT         NOT NULL,
    hidden   TEXT         NOT NULL,
    revision BIGINT       NOT NULL,
    PRIMARY KEY (kind, tenant, name)
);
