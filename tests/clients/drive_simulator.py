"""Drives every operation of the simulated AWS with boto3 and the AWS CLI, which Lifeboat did not write.

Usage: drive_simulator.py DEFAULT_WORLD_URL MULTI_AZ_WORLD_URL

Both are endpoints of `lifeboat sim serve --clock-rate 0`: time passes only where this program says so. It prints a JSON
list of the operations that were accepted, [signing name, operation], which the test compares with those there are.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-west-1"
ACCOUNT = "111122223333"
ORDERS = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:orders-prod"
BACKUP_ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/AWSBackupDefaultServiceRole"
API, BASTION = "i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60009"

called = set()


class World:
    """One endpoint: its clients and its clock."""

    def __init__(self, url):
        self.url = url

    def client(self, service, protocol=None):
        session = botocore.session.get_session()
        if protocol:
            loader = session.get_component("data_loader")
            load = loader.load_service_model

            def only_this_protocol(name, kind, api_version=None):
                model = load(name, kind, api_version)
                if kind == "service-2":
                    metadata = {**model["metadata"], "protocols": [protocol], "protocol": protocol}
                    model = {**model, "metadata": metadata}
                return model

            loader.load_service_model = only_this_protocol
        client = boto3.Session(botocore_session=session, region_name=REGION).client(
            service,
            endpoint_url=self.url,
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}),
        )
        name = client.meta.service_model.signing_name

        def remember(http_response, model, **_):
            if http_response.status_code < 300:
                called.add((name, model.name))

        client.meta.events.register("after-call", remember)
        return client

    def control(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.url}/_sim/{path}", data) as reply:
            return reply.read().decode()

    def advance(self, seconds):
        return json.loads(self.control("advance", {"s": seconds}))["now"]

    def until(self, look, wanted, limit=7200):
        """Lets time pass until `look` gives `wanted`; gives all that was seen, each once."""
        seen = [look()]
        for _ in range(0, limit, 5):
            if seen[-1] == wanted:
                return seen
            self.advance(5)
            now = look()
            if now != seen[-1]:
                seen.append(now)
        raise AssertionError(f"{wanted!r} was not seen within {limit} s: {seen}")


def same(found, wanted):
    assert found == wanted, f"{found!r} is not {wanted!r}"


def refused(code, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        same(error.response["Error"]["Code"], code)
        return error.response
    raise AssertionError(f"{call.__name__} was accepted; {code} was expected")


def sts(world):
    sts = world.client("sts")
    same(sts.get_caller_identity()["Account"], ACCOUNT)
    role = f"arn:aws:iam::{ACCOUNT}:role/DisasterRecovery"
    credentials = sts.assume_role(RoleArn=role, RoleSessionName="drill")["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    nobody = f"arn:aws:iam::{ACCOUNT}:role/Nobody"
    refused("AccessDenied", sts.assume_role, RoleArn=nobody, RoleSessionName="drill")
    # The caller is a session already, and so is limited to an hour.
    refused("ValidationError", sts.assume_role, RoleArn=role, RoleSessionName="drill", DurationSeconds=7200)


def iam(world):
    iam = world.client("iam")
    role = f"arn:aws:iam::{ACCOUNT}:role/DisasterRecovery"
    actions = ["rds:CreateDBSnapshot", "rds:DeleteDBSnapshot"]
    results = iam.simulate_principal_policy(
        PolicySourceArn=role, ActionNames=actions, ResourceArns=[ORDERS, "*"]
    )["EvaluationResults"]
    same([result["EvalActionName"] for result in results], [action for action in actions for _ in range(2)])
    same({result["EvalDecision"] for result in results}, {"allowed"})
    nobody = f"arn:aws:iam::{ACCOUNT}:role/Nobody"
    refused("NoSuchEntity", iam.simulate_principal_policy, PolicySourceArn=nobody, ActionNames=actions)


def rds(world):
    rds = world.client("rds")

    def status(name):
        try:
            return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"]
        except rds.exceptions.DBInstanceNotFoundFault:
            return "gone"

    def snapshot(name):
        try:
            return rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]["Status"]
        except rds.exceptions.DBSnapshotNotFoundFault:
            return "gone"

    backups = rds.describe_db_instance_automated_backups(DBInstanceIdentifier="orders-prod")
    same([it["Status"] for it in backups["DBInstanceAutomatedBackups"]], ["active"])
    quotas = rds.describe_account_attributes()["AccountQuotas"]
    same([q["Max"] for q in quotas if q["AccountQuotaName"] == "DBInstances"], [40])
    assert rds.describe_certificates()["Certificates"]
    assert rds.describe_db_parameter_groups()["DBParameterGroups"]
    assert rds.describe_db_subnet_groups()["DBSubnetGroups"]
    same(rds.describe_pending_maintenance_actions()["PendingMaintenanceActions"], [])

    made = rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="orders-prod",
        TargetDBInstanceIdentifier="orders-copy",
        UseLatestRestorableTime=True,
        DBSubnetGroupName="orders-private",
        VpcSecurityGroupIds=["sg-0orders"],
        Tags=[{"Key": "lifeboat:run", "Value": "r1"}],
    )["DBInstance"]
    same(made["DBInstanceStatus"], "creating")
    seen = world.until(lambda: status("orders-copy"), "available")
    same(seen, ["creating", "modifying", "backing-up", "available"])
    arn = made["DBInstanceArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "x", "Value": "y"}])
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["x"])
    tags = rds.list_tags_for_resource(ResourceName=arn)["TagList"]
    same(tags, [{"Key": "lifeboat:run", "Value": "r1"}])
    role = f"arn:aws:iam::{ACCOUNT}:role/orders-export"
    rds.add_role_to_db_instance(DBInstanceIdentifier="orders-copy", RoleArn=role, FeatureName="s3Export")

    def associated():
        found = rds.describe_db_instances(DBInstanceIdentifier="orders-copy")["DBInstances"][0]
        return [(it["RoleArn"], it["FeatureName"], it["Status"]) for it in found["AssociatedRoles"]]

    world.until(associated, [(role, "s3Export", "ACTIVE")], 120)
    events = rds.describe_events(SourceType="db-instance", SourceIdentifier="orders-copy", Duration=120)["Events"]
    assert any("Restored from" in event["Message"] for event in events), events

    rds.modify_db_instance(
        DBInstanceIdentifier="orders-copy", DBInstanceClass="db.m7g.large", ApplyImmediately=True
    )
    world.advance(900)
    instance = rds.describe_db_instances(DBInstanceIdentifier="orders-copy")["DBInstances"][0]
    same((instance["DBInstanceClass"], instance["DBInstanceStatus"]), ("db.m7g.large", "available"))
    rds.reboot_db_instance(DBInstanceIdentifier="orders-copy")
    world.until(lambda: status("orders-copy"), "rebooting")
    world.until(lambda: status("orders-copy"), "available")

    rds.create_db_snapshot(DBInstanceIdentifier="orders-copy", DBSnapshotIdentifier="orders-shot")
    world.until(lambda: snapshot("orders-shot"), "available")
    rds.copy_db_snapshot(SourceDBSnapshotIdentifier="orders-shot", TargetDBSnapshotIdentifier="orders-twin")
    world.until(lambda: snapshot("orders-twin"), "available")
    rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="orders-second", DBSnapshotIdentifier="orders-twin"
    )
    world.until(lambda: status("orders-second"), "available")
    rds.delete_db_snapshot(DBSnapshotIdentifier="orders-twin")
    world.until(lambda: snapshot("orders-twin"), "gone")
    for name in ["orders-copy", "orders-second"]:
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        same(status(name), "deleting")
        world.until(lambda: status(name), "gone")
    refused("DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier="orders-copy")
    refused(
        "InvalidParameterCombination", rds.delete_db_instance,
        DBInstanceIdentifier="orders-prod", SkipFinalSnapshot=True,
    )


def rds_standby(world):
    rds = world.client("rds")
    replicas = [
        it for it in rds.describe_db_instances()["DBInstances"] if it.get("ReadReplicaSourceDBInstanceIdentifier")
    ]
    name = replicas[0]["DBInstanceIdentifier"]
    rds.promote_read_replica(DBInstanceIdentifier=name)
    world.advance(1800)
    promoted = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    assert "ReadReplicaSourceDBInstanceIdentifier" not in promoted, promoted


def parameters(world):
    ssm = world.client("ssm")
    webhook = ssm.get_parameter(Name="/lifeboat/slack-webhook", WithDecryption=True)["Parameter"]
    assert webhook["Value"].startswith("https://hooks.slack.example/"), webhook
    same(webhook["LastModifiedDate"].isoformat()[:10], "2025-06-02")
    both = ssm.get_parameters(Names=["/lifeboat/slack-webhook", "/nobody"])
    same((len(both["Parameters"]), both["InvalidParameters"]), (1, ["/nobody"]))
    refused("ParameterNotFound", ssm.get_parameter, Name="/nobody")
    same(ssm.put_parameter(Name="/orders/mode", Value="on", Type="String")["Version"], 1)
    refused("ParameterAlreadyExists", ssm.put_parameter, Name="/orders/mode", Value="x", Type="String")
    same(ssm.put_parameter(Name="/orders/mode", Value="off", Overwrite=True)["Version"], 2)
    history = ssm.get_parameter_history(Name="/orders/mode")["Parameters"]
    same([version["Value"] for version in history], ["on", "off"])
    resource = {"ResourceType": "Parameter", "ResourceId": "/orders/mode"}
    ssm.add_tags_to_resource(**resource, Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
    ssm.remove_tags_from_resource(**resource, TagKeys=["c"])
    same(ssm.list_tags_for_resource(**resource)["TagList"], [{"Key": "a", "Value": "b"}])
    tagging = world.client("resourcegroupstaggingapi")
    tagged = tagging.get_resources(TagFilters=[{"Key": "a", "Values": ["b"]}])["ResourceTagMappingList"]
    same([it["ResourceARN"] for it in tagged], [f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/orders/mode"])
    same(tagging.get_resources(TagFilters=[{"Key": "a", "Values": ["c"]}])["ResourceTagMappingList"], [])
    ssm.delete_parameter(Name="/orders/mode")
    refused("ParameterNotFound", ssm.delete_parameter, Name="/orders/mode")


def commands(world):
    ssm = world.client("ssm")

    def send(script, **more):
        parameters = {"commands": [script]}
        sent = ssm.send_command(DocumentName="AWS-RunShellScript", Parameters=parameters, **more)
        return sent["Command"]["CommandId"]

    def status(command, instance):
        try:
            return ssm.get_command_invocation(CommandId=command, InstanceId=instance)["Status"]
        except ssm.exceptions.InvocationDoesNotExist:
            return "absent"

    command = send("pg_isready", InstanceIds=[API], Comment="lifeboat:r1:check")
    same(world.until(lambda: status(command, API), "Success"), ["absent", "InProgress", "Success"])
    invocations = ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
    same(invocations[0]["CommandPlugins"][0]["Output"], "accepting connections\n")
    mine = [it for it in ssm.list_commands()["Commands"] if it["Comment"] == "lifeboat:r1:check"]
    same([it["CommandId"] for it in mine], [command])
    late = send("sleep 7200", InstanceIds=[API])
    world.advance(10)
    ssm.cancel_command(CommandId=late)
    world.until(lambda: status(late, API), "Cancelled")
    both = send("exit 1", InstanceIds=[API, "i-0a1b2c3d4e5f60002"], MaxConcurrency="1", MaxErrors="0")
    world.until(lambda: ssm.list_commands(CommandId=both)["Commands"][0]["Status"], "Failed")
    ends = ssm.list_command_invocations(CommandId=both)["CommandInvocations"]
    same([it["StatusDetails"] for it in ends], ["Failed", "Terminated"])
    refused("InvalidInstanceId", ssm.send_command, DocumentName="AWS-RunShellScript",
            Parameters={"commands": ["true"]}, InstanceIds=["i-0123456789abcdef0"])


def automations(world):
    ssm = world.client("ssm")

    def status(execution):
        found = ssm.get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]
        return found["AutomationExecutionStatus"]

    token = str(uuid.UUID(int=7))
    start = {"DocumentName": "Orders-FailOver", "Parameters": {"Environment": ["copy"]}, "ClientToken": token}
    execution = ssm.start_automation_execution(**start)["AutomationExecutionId"]
    same(ssm.start_automation_execution(**start)["AutomationExecutionId"], execution)
    same(world.until(lambda: status(execution), "Waiting"), ["InProgress", "Waiting"])
    ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Approve")
    same(world.until(lambda: status(execution), "Success"), ["InProgress", "Success"])
    steps = ssm.describe_automation_step_executions(AutomationExecutionId=execution)["StepExecutions"]
    same({step["StepStatus"] for step in steps}, {"Success"})
    second = ssm.start_automation_execution(DocumentName="Orders-RestartWorkers")["AutomationExecutionId"]
    ssm.stop_automation_execution(AutomationExecutionId=second, Type="Cancel")
    same(world.until(lambda: status(second), "Cancelled"), ["Cancelling", "Cancelled"])
    listed = ssm.describe_automation_executions(Filters=[{"Key": "ExecutionId", "Values": [second]}])
    same(len(listed["AutomationExecutionMetadataList"]), 1)
    parent = ssm.start_automation_execution(
        DocumentName="Orders-RestartNode", TargetParameterName="InstanceId", MaxConcurrency="1", MaxErrors="0",
        Targets=[{"Key": "tag:role", "Values": ["api"]}])["AutomationExecutionId"]

    def children():
        only = [{"Key": "ParentExecutionId", "Values": [parent]}]
        found = ssm.describe_automation_executions(Filters=only)["AutomationExecutionMetadataList"]
        return list(reversed(found))

    for number in range(2):
        world.until(lambda: children()[-1]["AutomationExecutionStatus"] if len(children()) > number else "none", "Waiting")
        child = children()[-1]["AutomationExecutionId"]
        ssm.send_automation_signal(AutomationExecutionId=child, SignalType="Approve", Payload={"Comment": ["seen"]})
    world.until(lambda: status(parent), "Success")
    same([child["ParentAutomationExecutionId"] for child in children()], [parent, parent])
    whole = ssm.get_automation_execution(AutomationExecutionId=parent)["AutomationExecution"]
    same([step["StepName"] for step in whole["StepExecutions"]], whole["ResolvedTargets"]["ParameterValues"])
    changed = {**start, "Parameters": {"Environment": ["production"]}}
    refused("IdempotentParameterMismatch", ssm.start_automation_execution, **changed)


def secrets(world):
    manager = world.client("secretsmanager")
    current = manager.get_secret_value(SecretId="orders/db")
    secret = json.loads(current["SecretString"])
    host = world.client("rds").describe_db_instances(DBInstanceIdentifier="orders-prod")
    same(secret["host"], host["DBInstances"][0]["Endpoint"]["Address"])
    put = manager.put_secret_value(SecretId="orders/db", SecretString=json.dumps({**secret, "host": "copy"}))
    same(json.loads(manager.get_secret_value(SecretId="orders/db")["SecretString"])["host"], "copy")
    stages = manager.describe_secret(SecretId="orders/db")["VersionIdsToStages"]
    same(stages[current["VersionId"]], ["AWSPREVIOUS"])
    manager.update_secret_version_stage(
        SecretId="orders/db", VersionStage="AWSCURRENT",
        RemoveFromVersionId=put["VersionId"], MoveToVersionId=current["VersionId"],
    )
    same(manager.get_secret_value(SecretId="orders/db")["VersionId"], current["VersionId"])
    manager.create_secret(Name="copy/db", SecretBinary=b"\x00\xff", Tags=[{"Key": "a", "Value": "b"}])
    same(manager.get_secret_value(SecretId="copy/db")["SecretBinary"], b"\x00\xff")
    refused("ResourceExistsException", manager.create_secret, Name="copy/db", SecretString="x")
    manager.delete_secret(SecretId="copy/db", RecoveryWindowInDays=7)
    refused("InvalidRequestException", manager.get_secret_value, SecretId="copy/db")
    refused("ResourceNotFoundException", manager.get_secret_value, SecretId="nobody")


def backup(world):
    backup = world.client("backup")
    vault = backup.describe_backup_vault(BackupVaultName="Default")
    same((vault["NumberOfRecoveryPoints"], vault["Locked"]), (2, False))
    started = backup.start_backup_job(
        BackupVaultName="Default", ResourceArn=ORDERS, IamRoleArn=BACKUP_ROLE,
        IdempotencyToken="token-1", RecoveryPointTags={"lifeboat:run": "r1"},
    )
    job = started["BackupJobId"]
    same(backup.start_backup_job(BackupVaultName="Default", ResourceArn=ORDERS, IamRoleArn=BACKUP_ROLE,
                                 IdempotencyToken="token-1")["BackupJobId"], job)
    seen = world.until(lambda: backup.describe_backup_job(BackupJobId=job)["State"], "COMPLETED")
    same([state for state in seen if state != "CREATED"], ["PENDING", "RUNNING", "COMPLETED"])
    same([it["BackupJobId"] for it in backup.list_backup_jobs(ByState="COMPLETED")["BackupJobs"]], [job])

    points = backup.list_recovery_points_by_resource(ResourceArn=ORDERS)["RecoveryPoints"]
    newest = max(points, key=lambda point: point["CreationDate"])
    arn = newest["RecoveryPointArn"]
    by_vault = backup.list_recovery_points_by_backup_vault(BackupVaultName="Default", ByResourceArn=ORDERS)
    assert arn in [point["RecoveryPointArn"] for point in by_vault["RecoveryPoints"]]
    where = {"BackupVaultName": "Default", "RecoveryPointArn": arn}
    same(backup.describe_recovery_point(**where)["Status"], "COMPLETED")
    same(backup.list_tags(ResourceArn=arn)["Tags"], {"lifeboat:run": "r1"})
    metadata = backup.get_recovery_point_restore_metadata(**where)["RestoreMetadata"]
    del metadata["Iops"]
    metadata.update({
        "DBInstanceIdentifier": "from-backup", "DBSubnetGroupName": "orders-private",
        "VpcSecurityGroupIds": json.dumps(["sg-0orders"]),
    })
    restore = backup.start_restore_job(RecoveryPointArn=arn, Metadata=metadata, IamRoleArn=BACKUP_ROLE)["RestoreJobId"]
    look = lambda: backup.describe_restore_job(RestoreJobId=restore)["Status"]
    same(world.until(look, "COMPLETED"), ["PENDING", "RUNNING", "COMPLETED"])
    created = backup.describe_restore_job(RestoreJobId=restore)["CreatedResourceArn"]
    copy = world.client("rds").describe_db_instances(DBInstanceIdentifier=created)["DBInstances"][0]
    same((copy["DBInstanceStatus"], copy["DBSubnetGroup"]["DBSubnetGroupName"]), ("available", "orders-private"))
    same(len(backup.list_restore_jobs(ByStatus="COMPLETED")["RestoreJobs"]), 1)
    backup.put_restore_validation_result(RestoreJobId=restore, ValidationStatus="SUCCESSFUL")
    same(backup.describe_restore_job(RestoreJobId=restore)["ValidationStatus"], "SUCCESSFUL")
    backup.delete_recovery_point(**where)
    world.advance(60)
    refused("ResourceNotFoundException", backup.describe_recovery_point, **where)
    refused("ResourceNotFoundException", backup.describe_backup_vault, BackupVaultName="nobody")
    refused("InvalidParameterValueException", backup.start_restore_job,
            RecoveryPointArn=points[0]["RecoveryPointArn"], Metadata={"moon": "x"})


def quotas(world):
    quotas = world.client("service-quotas")
    quota = {"ServiceCode": "rds", "QuotaCode": "L-7B6409FD"}
    same(quotas.get_service_quota(**quota)["Quota"]["Value"], 40.0)
    same(quotas.get_aws_default_service_quota(**quota)["Quota"]["QuotaName"], "DB instances")
    names = [it["QuotaName"] for it in quotas.list_service_quotas(ServiceCode="rds")["Quotas"]]
    assert "DB instances" in names, names
    refused("NoSuchResourceException", quotas.get_service_quota, ServiceCode="rds", QuotaCode="L-00000000")


def cloudwatch(world, protocol):
    """The same in each protocol; botocore's own reader and writer of it are at work."""
    cloudwatch = world.client("cloudwatch", protocol)
    same(cloudwatch.meta.service_model.resolved_protocol, protocol)
    name = "orders-api-5xx"

    def alarm():
        found = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        return found["MetricAlarms"][0]

    before = alarm()
    same((before["StateValue"], before["Threshold"], before["EvaluationPeriods"]), ("OK", 10.0, 3))
    same(before["Dimensions"][0]["Name"], "LoadBalancer")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=f"by {protocol} & <XML>")
    same((alarm()["StateValue"], alarm()["StateReason"]), ("ALARM", f"by {protocol} & <XML>"))
    assert alarm()["StateTransitionedTimestamp"] > before["StateTransitionedTimestamp"]
    world.advance(61)
    same(alarm()["StateValue"], "OK")
    items = cloudwatch.describe_alarm_history(AlarmName=name, MaxRecords=2)["AlarmHistoryItems"]
    same(items[0]["HistorySummary"], "Alarm updated from ALARM to OK")
    metric = {
        "Namespace": "AWS/ApplicationELB", "MetricName": "HTTPCode_Target_5XX_Count",
        "Dimensions": before["Dimensions"],
    }
    query = {"Id": "errors", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}}
    data = cloudwatch.get_metric_data(
        MetricDataQueries=[query], ScanBy="TimestampAscending",
        StartTime="2026-01-05T09:00:00Z", EndTime="2026-01-05T09:10:00Z",
    )["MetricDataResults"][0]
    same((data["Values"], data["StatusCode"]), ([200.0, 200.0], "Complete"))
    same([time.isoformat() for time in data["Timestamps"]], ["2026-01-05T09:00:00+00:00", "2026-01-05T09:05:00+00:00"])
    parameters = {"AlarmName": "nobody", "StateValue": "OK", "StateReason": "x"}
    response = refused("ResourceNotFound", cloudwatch.set_alarm_state, **parameters)
    same(response["ResponseMetadata"]["HTTPStatusCode"], 404)


def cloudtrail(world):
    """What the others changed is in the event history; who only looked is not."""
    world.advance(600)
    cloudtrail = world.client("cloudtrail")
    restores = [{"AttributeKey": "EventName", "AttributeValue": "RestoreDBInstanceToPointInTime"}]
    event = cloudtrail.lookup_events(LookupAttributes=restores)["Events"][-1]
    same((event["ReadOnly"], event["EventSource"], event["Username"]), ("false", "rds.amazonaws.com", "alice"))
    assert {"ResourceType": "AWS::RDS::DBInstance", "ResourceName": "orders-copy"} in event["Resources"], event
    record = json.loads(event["CloudTrailEvent"])
    same((record["eventID"], record["readOnly"]), (event["EventId"], False))
    pages = cloudtrail.get_paginator("lookup_events").paginate(PaginationConfig={"PageSize": 5})
    events = [event for page in pages for event in page["Events"]]
    times = [event["EventTime"] for event in events]
    same(times, sorted(times, reverse=True))
    assert len({event["EventId"] for event in events}) == len(events) > 5
    assert not [event for event in events if event["EventName"].startswith("Describe")]
    two = restores + [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}]
    refused("InvalidLookupAttributesException", cloudtrail.lookup_events, LookupAttributes=two)


def unknown_operations(world):
    """What is not simulated gets AWS's own error in the protocol, never a page of HTML."""
    refused("InvalidAction", world.client("rds").describe_db_clusters)
    refused("UnknownOperationException", world.client("ssm").describe_parameters)
    refused("UnknownOperationException", world.client("secretsmanager").list_secrets)
    refused("UnknownOperationException", world.client("backup").list_backup_plans)
    refused("UnknownOperationException", world.client("service-quotas").list_services)
    for protocol in ["smithy-rpc-v2-cbor", "json"]:
        refused("UnknownOperationException", world.client("cloudwatch", protocol).list_metrics)
    refused("InvalidAction", world.client("cloudwatch", "query").list_metrics)
    refused("UnknownOperationException", world.client("dynamodb").list_tables)
    refused("UnknownOperationException", world.client("sqs").list_queues)
    refused("InvalidAction", world.client("sns").list_topics)


def command_line(world):
    """The AWS CLI, a process for each call, against the endpoint that its environment names."""
    environment = {
        **os.environ, "AWS_ENDPOINT_URL": world.url, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1",
    }

    def aws(*words, fails=False):
        done = subprocess.run(
            [sys.executable, "-m", "awscli", *words, "--output", "json"],
            env=environment, capture_output=True, text=True, check=False,
        )
        assert (done.returncode != 0) == fails, f"aws {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stderr if fails else json.loads(done.stdout or "null")

    same(aws("sts", "get-caller-identity")["Account"], ACCOUNT)
    instances = aws("rds", "describe-db-instances", "--db-instance-identifier", "orders-prod")["DBInstances"]
    same(instances[0]["DBInstanceStatus"], "available")
    secret = aws("secretsmanager", "get-secret-value", "--secret-id", "orders/db")
    same(json.loads(secret["SecretString"])["username"], "orders_app")
    name = "/lifeboat/slack-webhook"
    parameter = aws("ssm", "get-parameter", "--name", name, "--with-decryption")["Parameter"]
    same(parameter["Type"], "SecureString")
    same(aws("backup", "describe-backup-vault", "--backup-vault-name", "locked")["Locked"], True)
    same(aws("cloudwatch", "describe-alarms", "--alarm-names", "orders-api-5xx")["MetricAlarms"][0]["Period"], 60)
    quota = aws("service-quotas", "get-service-quota", "--service-code", "rds", "--quota-code", "L-7B6409FD")
    same(quota["Quota"]["Value"], 40.0)
    assert "(ParameterNotFound)" in aws("ssm", "get-parameter", "--name", "/nobody", fails=True)
    assert "(InvalidAction)" in aws("rds", "describe-db-clusters", fails=True)


def control(world):
    before = world.advance(0)
    assert world.advance(1.5) > before
    for body in [{"s": -1}, {"s": "x"}, {"t": 1}]:
        try:
            world.control("advance", body)
        except urllib.error.HTTPError as error:
            same(error.code, 400)
        else:
            raise AssertionError(f"{body} was accepted")
    lines = [json.loads(line) for line in world.control("log").splitlines()]
    same([line["accepted"] for line in lines], list(range(1, len(lines) + 1)))
    operations = {line["operation"] for line in lines}
    assert {"RestoreDBInstanceToPointInTime", "PutSecretValue", "StartRestoreJob", "SetAlarmState"} <= operations
    assert "DescribeDBInstances" not in operations, "reading changes nothing"


def main():
    world, multi_az = World(sys.argv[1]), World(sys.argv[2])
    command_line(world)
    sts(world)
    iam(world)
    parameters(world)
    secrets(world)
    commands(world)
    automations(world)
    quotas(world)
    backup(world)
    rds(world)
    rds_standby(multi_az)
    for protocol in ["smithy-rpc-v2-cbor", "json", "query"]:
        cloudwatch(world, protocol)
    cloudtrail(world)
    control(world)
    unknown_operations(world)
    print(json.dumps(sorted(called)))


if __name__ == "__main__":
    main()
