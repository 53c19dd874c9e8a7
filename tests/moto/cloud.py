"""A moto server with one DB instance in it, for tests/moto.rs.

Prints a line of JSON when it is up (its URL, and what it holds), waits for the end of its standard input or a line on
it, and prints what it holds then, and what was published to its topic `desk`.
"""

import json
import sys

import boto3
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

REGION = "eu-west-1"


def inventory(rds):
    """Everything that a drill could leave behind, by name."""
    return {
        "instances": sorted(it["DBInstanceIdentifier"] for it in rds.describe_db_instances()["DBInstances"]),
        "snapshots": sorted(it["DBSnapshotIdentifier"] for it in rds.describe_db_snapshots()["DBSnapshots"]),
        "automated_backups": sorted(
            it["DBInstanceIdentifier"]
            for it in rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
        ),
    }


def make_source(rds):
    rds.create_db_instance(
        DBInstanceIdentifier="orders-prod",
        DBInstanceClass="db.t4g.medium",
        Engine="postgres",
        EngineVersion="16.8",
        DBName="orders",
        AllocatedStorage=100,
        StorageType="gp3",
        BackupRetentionPeriod=7,
        MasterUsername="orders_admin",
        MasterUserPassword="only-for-the-tests",
        DeletionProtection=True,
        Tags=[{"Key": "backup", "Value": "daily"}],
    )


def published(topic):
    """What was published to the topic, in the order of publishing."""
    _partition, _service, region, account, _name = topic.split(":", 5)[1:]
    sent = get_backend("sns")[account][region].topics[topic].sent_notifications
    return [
        {"text": text, "subject": subject, "attributes": {name: it["Value"] for name, it in (attributes or {}).items()}}
        for _id, text, subject, attributes, _group in sent
    ]


def main():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    here = {"region_name": REGION, "endpoint_url": url, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    rds = boto3.client("rds", **here)
    topic = boto3.client("sns", **here).create_topic(Name="desk")["TopicArn"]
    make_source(rds)
    print(json.dumps({"url": url, "holds": inventory(rds)}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"holds": inventory(rds), "told": published(topic)}), flush=True)
    server.stop()


main()
