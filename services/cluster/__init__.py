"""The processes of a market on Kafka and PostgreSQL: thin shells around what they drive."""
