#!/bin/sh
# Makes Temporal's two databases and brings their schemas up to the version that temporal-sql-tool carries; of what is there already it changes nothing.
# temporal-sql-tool takes the connection from SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD.
set -eu

set_up() { # database, schema
    temporal-sql-tool --database "$1" create-database
    temporal-sql-tool --database "$1" setup-schema --version 0.0
    temporal-sql-tool --database "$1" update-schema --schema-name "postgresql/v12/$2"
}

set_up temporal temporal
set_up temporal_visibility visibility
