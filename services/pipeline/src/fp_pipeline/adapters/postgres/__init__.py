"""The stores in Postgres: the SQL is here."""
