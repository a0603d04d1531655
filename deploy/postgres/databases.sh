#!/bin/sh
# A database and two roles for each service, made or brought up to date; run at every `up`.
#
#   <service>_owner  owns the tables and migrates them
#   <service>        reads and writes rows, and can do nothing else
#
# Nobody gets into another one's database. Passwords come from the environment.
set -eu

psql -v ON_ERROR_STOP=1 -qX -d postgres -c 'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC'
for service in users things bootstrap provision certs; do
    name=$(echo "$service" | tr a-z A-Z)
    eval "password=\${SMQ_${name}_DB_PASSWORD:?} owner_password=\${SMQ_${name}_DB_OWNER_PASSWORD:?}"
    # psql quotes the values itself; passwords reach it by the environment and stay out of `ps`.
    export password owner_password
    psql -v ON_ERROR_STOP=1 -qX -d postgres -v service="$service" -v owner="${service}_owner" <<'SQL'
\getenv password password
\getenv owner_password owner_password
SET client_min_messages = warning;
SELECT format('CREATE ROLE %I LOGIN', role) FROM unnest(ARRAY[:'service', :'owner']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE :"service" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD :'password';
ALTER ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
SELECT format('CREATE DATABASE %I OWNER %I', :'service', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'service') \gexec
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"service" TO :"service";
SQL
    psql -v ON_ERROR_STOP=1 -qX -d "$service" -v service="$service" -v owner="${service}_owner" <<'SQL'
SET client_min_messages = warning;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO :"service";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"service";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO :"service";
SQL
    echo "database $service is ready"
done
