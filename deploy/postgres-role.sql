-- The role that Dozvon connects with, and its database: no superuser, so that row-level security holds it. PostgreSQL's image
-- runs this once, on an empty volume; elsewhere an administrator does, as often as wanted:
--     sudo -u postgres env DOZVON_DB_PASSWORD=... psql < deploy/postgres-role.sql
-- The role owns the database, so the steps of the schema run under it too. Other names: psql -v role=... -v database=...
\set ON_ERROR_STOP on
\if :{?role}
\else
    \set role dozvon
\endif
\if :{?database}
\else
    \set database dozvon
\endif
\getenv password DOZVON_DB_PASSWORD

SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
