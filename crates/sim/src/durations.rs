//! How long things take in the simulated AWS, each with where the number comes from. AWS promises none of them.

use std::time::Duration;

/// A duration by its median; what one resource takes is drawn around it by [`crate::chance::Chance::duration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typical {
    /// What takes this long; part of the draw.
    pub kind: &'static str,
    /// Half of all cases take longer.
    pub median: Duration,
}

const fn typical(kind: &'static str, seconds: u64) -> Typical {
    Typical { kind, median: Duration::from_secs(seconds) }
}

/// `creating` of a restored instance of 20–100 GiB: 11 min. Source: user reports of 10–40 min for the whole restore.
pub const RESTORE_CREATING: Typical = typical("rds restore creating", 11 * 60);
/// `modifying` after `creating`: 1 min. Source: user reports, as above.
pub const RESTORE_MODIFYING: Typical = typical("rds restore modifying", 60);
/// The first backup of a new instance, only where backups are kept: 4 min. Source: user reports, as above.
pub const FIRST_BACKUP: Typical = typical("rds first backup", 4 * 60);
/// `storage-initialization` of a restored instance, only in worlds that show it: 25 min. Assumed: hours for large ones.
pub const STORAGE_INITIALIZATION: Typical = typical("rds storage initialization", 25 * 60);
/// `modifying` of an accepted change: 2 min. Source: AWS documentation says "minutes" (1–3 min assumed).
pub const MODIFY: Typical = typical("rds modify", 2 * 60);
/// `renaming`: 45 s. Assumed.
pub const RENAME: Typical = typical("rds rename", 45);
/// `deleting`: 4 min. Assumed.
pub const DELETE: Typical = typical("rds delete", 4 * 60);
/// A final snapshot is taken before the deletion: 3 min and 1 s for each GiB. Assumed; this is the fixed part.
pub const SNAPSHOT: Typical = typical("rds snapshot", 3 * 60);

/// A copy of a snapshot within a Region: 2 min. Assumed.
pub const COPY_SNAPSHOT: Typical = typical("rds copy snapshot", 2 * 60);
/// A copy of a snapshot to another Region: 12 min. Assumed.
pub const COPY_SNAPSHOT_REGION: Typical = typical("rds copy snapshot to a region", 12 * 60);
/// `deleting` of a snapshot: 10 s. Assumed.
pub const DELETE_SNAPSHOT: Typical = typical("rds delete snapshot", 10);
/// `rebooting` without failover: 45 s. Source: AWS documentation says "a few minutes" at most for the outage (assumed).
pub const REBOOT: Typical = typical("rds reboot", 45);
/// From the start of a failover to its end: 80 s. Source: RDS user guide, "typically 60–120 seconds".
pub const FAILOVER: Typical = typical("rds failover", 80);
/// `modifying` of a replica that is promoted, before it reboots: 3 min. Source: RDS user guide, "a few minutes".
pub const PROMOTE: Typical = typical("rds promote", 3 * 60);

/// A command of Systems Manager on a node: 5 s. Assumed.
pub const COMMAND: Typical = typical("ssm command", 5);
/// A step of an automation: 10 s. Assumed.
pub const AUTOMATION_STEP: Typical = typical("ssm automation step", 10);
/// `CREATED` of a backup job, `PENDING` of a restore job: 5 s. Assumed.
pub const BACKUP_CREATED: Typical = typical("backup job created", 5);
/// `PENDING` of a backup job: 20 s. Assumed.
pub const BACKUP_PENDING: Typical = typical("backup job pending", 20);
/// `DELETING` of a recovery point: 10 s. Assumed.
pub const DELETE_RECOVERY_POINT: Typical = typical("backup delete recovery point", 10);

/// All medians above, which a world file may replace by their kind.
pub const ALL: &[Typical] = &[
    RESTORE_CREATING,
    RESTORE_MODIFYING,
    FIRST_BACKUP,
    STORAGE_INITIALIZATION,
    MODIFY,
    RENAME,
    DELETE,
    SNAPSHOT,
    COPY_SNAPSHOT,
    COPY_SNAPSHOT_REGION,
    DELETE_SNAPSHOT,
    REBOOT,
    FAILOVER,
    PROMOTE,
    COMMAND,
    AUTOMATION_STEP,
    BACKUP_CREATED,
    BACKUP_PENDING,
    DELETE_RECOVERY_POINT,
];

/// Seconds by which a job of AWS Backup is behind the resource it makes. Assumed.
pub const BACKUP_JOB_LATENESS: i64 = 60;
/// A state that was set lasts until the alarm is evaluated again, least and most seconds.
/// Source: CloudWatch API reference, SetAlarmState ("quickly, often within seconds"); the bounds are assumed.
pub const ALARM_EVALUATED: (i64, i64) = (10, 60);
/// Datapoints arrive this late, least and most seconds. Assumed (1–3 min).
pub const METRIC_LATENESS: (i64, i64) = (60, 180);

/// A command's invocations are listed this late, and a cancellation or stop takes this long, least and most seconds.
/// Source: SSM API reference, InvocationDoesNotExist ("eventual consistency"); the bounds are assumed.
pub const COMMAND_VISIBLE: (i64, i64) = (1, 3);

/// An accepted reboot or promotion shows `available` this long before a state moves, least and most seconds.
/// Assumed, as for modifications.
pub const QUIET_AFTER_REBOOT: (i64, i64) = (5, 20);
/// After a failover is complete the fields of the zones follow this late, least and most seconds.
/// Source: RDS user guide, "additional time … to reflect the new Availability Zone"; the bounds are assumed.
pub const ZONE_LATENESS: (i64, i64) = (30, 180);
/// Minutes after a failover in which RDS gives up another one that is asked for. The rule is documented (event
/// RDS-EVENT-0034), the length assumed.
pub const FAILOVER_PAUSE_MINUTES: i64 = 10;
/// Seconds until the name of a renamed instance resolves. Source: AWS documentation says minutes; assumed.
pub const DNS_AFTER_RENAME_SECONDS: i64 = 60;

/// An accepted ModifyDBInstance shows `available` this long before a state moves, least and most seconds.
/// Source: AWS documentation names the trap (assert on a transition); the bounds are assumed.
pub const QUIET_AFTER_MODIFY: (i64, i64) = (5, 60);
/// A role that was added to an instance is `PENDING` this long, least and most seconds. Assumed.
pub const ROLE_PENDING: (i64, i64) = (5, 60);
/// Events arrive this late, least and most seconds. Assumed.
pub const EVENT_LATENESS: (i64, i64) = (5, 60);
/// Seconds between uploads of transaction logs, the teeth of `LatestRestorableTime`.
/// Source: RDS user guide, "uploads transaction logs … every five minutes".
pub const LOG_UPLOAD_SECONDS: i64 = 300;
/// Calls are in CloudTrail's event history this late, least and most seconds.
/// Source: CloudTrail user guide, "delivers logs within an average of about 5 minutes of an API call"; the bounds are
/// assumed.
pub const TRAIL_LATENESS: (i64, i64) = (60, 480);
