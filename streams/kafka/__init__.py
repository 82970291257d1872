"""The log as topics on Apache Kafka: step services that commit exactly once, one partition for each
venue.
"""
