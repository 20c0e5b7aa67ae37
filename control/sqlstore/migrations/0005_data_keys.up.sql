-- Keys that seal secrets, themselves sealed under a key that is not kept here.
CREATE TABLE data_keys (
    number INTEGER      NOT NULL PRIMARY KEY,
    under  VARCHAR(32)  NOT NULL,
    sealed VARCHAR(200) NOT NULL
);
