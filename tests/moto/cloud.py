"""A moto server with one DB instance in it, for tests/moto.rs.

Prints a line of JSON when it is up (its URL, and what it holds), waits for the end of its standard input or a line on
it, and prints what it holds then.
"""

import json
import sys

import boto3
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


def main():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    rds = boto3.client(
        "rds", region_name=REGION, endpoint_url=url, aws_access_key_id="test", aws_secret_access_key="test"
    )
    make_source(rds)
    print(json.dumps({"url": url, "holds": inventory(rds)}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"holds": inventory(rds)}), flush=True)
    server.stop()


main()
