"""What the market on Kafka is measured against: Faust agents with its rules, and a bare aiokafka
loop without any.
"""
