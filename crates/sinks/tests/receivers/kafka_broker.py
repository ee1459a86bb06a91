"""Brokers of librdkafka (its mock cluster, over TCP), and a consumer that writes what comes.

Arguments: a folder and a topic. `brokers` there has the addresses, `records` a line of JSON for each record.
"""

import json
import os
import sys

from confluent_kafka import Consumer, Producer

folder, topic = sys.argv[1], sys.argv[2]
cluster = Producer({"test.mock.num.brokers": 3})
metadata = cluster.list_topics(timeout=30)
brokers = ",".join(f"{broker.host}:{broker.port}" for broker in metadata.brokers.values())
# Who asks for a topic makes it, with four partitions.
client = Producer({"bootstrap.servers": brokers})
while not client.list_topics(topic, timeout=30).topics[topic].partitions:
    pass
consumer = Consumer(
    {"bootstrap.servers": brokers, "group.id": "test", "auto.offset.reset": "earliest"}
)
consumer.subscribe([topic])
partial = os.path.join(folder, "brokers.part")
with open(partial, "w", encoding="utf-8") as file:
    file.write(brokers)
os.rename(partial, os.path.join(folder, "brokers"))
with open(os.path.join(folder, "records"), "a", encoding="utf-8") as records:
    while True:
        message = consumer.poll(0.5)
        if message is None or message.error():
            continue
        record = {
            "key": message.key().decode(),
            "partition": message.partition(),
            "headers": [[name, value.decode()] for name, value in message.headers()],
            "timestamp": message.timestamp()[1],
            "value": json.loads(message.value()),
        }
        records.write(json.dumps(record) + "\n")
        records.flush()
