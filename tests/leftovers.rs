//! What a drill has left is found by its tags alone, when the machine that ran it and its journal are gone.

use crate::program::Program;
use crate::signals::{Scene, ended, until};
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

const BOOK: &str = "schema: lifeboat/v1\nkind: runbook\nname: leaves\n\
    target: { account: \"111122223333\", region: eu-west-1 }\nsteps:\n  - id: restore\n    \
    action: rds.restore_to_point_in_time\n    with: { source: orders-prod, time: latest }\n";

const REGION: [&str; 2] = ["--region", "eu-west-1"];

/// A drill that was killed while it restored, and of which nothing is left but what is in AWS. Gives its id.
fn killed(scene: &Scene) -> String {
    let book = scene.desk.write("book.yaml", BOOK);
    let mut child = scene.spawn(&["drill", &book]);
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    until(&mut stderr, "restore: created rds:db");
    let run = scene.program.latest();
    child.kill().expect("it is there");
    drop(ended(child, stderr));
    std::fs::remove_dir_all(scene.program.home.path().join("runs")).expect("the home is deleted");
    run
}

/// Somebody else's call to RDS.
fn call(scene: &Scene, action: &str) -> String {
    let address = scene.server.url.trim_start_matches("http://");
    let body = format!("Version=2014-10-31&{action}");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential=any/20260105/eu-west-1/rds/aws4_request\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    reply
}

#[test]
fn a_drill_that_was_killed_is_found_by_its_tags_and_taken_away() {
    let scene = Scene::new();
    let run = killed(&scene);
    // A machine that never saw the run.
    let elsewhere = Program::new();
    let leftovers = |more: &[&str]| {
        let words: Vec<&str> = ["leftovers"].iter().chain(&REGION).chain(more).copied().collect();
        scene.run_in(&elsewhere, &words)
    };
    let young = leftovers(&["--older-than", "24h"]);
    assert_eq!(
        (young.code, young.stdout.trim()),
        (0, "Nothing carries the tags of a run."),
        "{}",
        young.stderr
    );
    let listed = leftovers(&[]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    for part in [
        run.as_str(),
        "leaves",
        "rds:db leaves-",
        "step restore",
        "expires in",
        "lifeboat leftovers --delete",
    ] {
        assert!(listed.stdout.contains(part), "`{part}` is not in:\n{}", listed.stdout);
    }
    let unasked = leftovers(&["--delete", &run[..8]]);
    assert_eq!((unasked.code, scene.took("DeleteDBInstance")), (7, 0), "{}", unasked.stderr);
    let wrong = leftovers(&["--delete", &run, "--confirm", "999999999999"]);
    assert_eq!((wrong.code, scene.took("DeleteDBInstance")), (7, 0), "{}", wrong.stderr);
    let deleted = leftovers(&["--delete", &run[..8], "--confirm", "111122223333"]);
    assert_eq!((deleted.code, scene.took("DeleteDBInstance")), (0, 1), "{}", deleted.stderr);
    assert!(deleted.stderr.contains("gone: rds:db leaves-"), "{}", deleted.stderr);
    let nothing = leftovers(&["--output", "json"]);
    let document: serde_json::Value = serde_json::from_str(&nothing.stdout).expect("JSON");
    assert_eq!((nothing.code, &document["runs"]), (0, &serde_json::json!([])));
}

/// AWS copies tags onto what is made of a thing: the tags alone make nothing the run's own.
#[test]
fn what_only_has_copied_tags_is_named_and_left() {
    let scene = Scene::new();
    let run = killed(&scene);
    let reply = call(
        &scene,
        &format!(
            "Action=CreateDBSnapshot&DBInstanceIdentifier=orders-prod&DBSnapshotIdentifier=of-somebody\
             &Tags.Tag.1.Key=lifeboat%3Arun&Tags.Tag.1.Value={run}\
             &Tags.Tag.2.Key=lifeboat%3Astep&Tags.Tag.2.Value=restore%401"
        ),
    );
    assert!(reply.contains("of-somebody"), "{reply}");
    let words: Vec<&str> = ["leftovers", "--delete", &run, "--yes"].into_iter().chain(REGION).collect();
    let deleted = scene.run(&words);
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    assert!(deleted.stderr.contains("leaves rds:snapshot of-somebody"), "{}", deleted.stderr);
    assert_eq!((scene.took("DeleteDBInstance"), scene.took("DeleteDBSnapshot")), (1, 0));
    let also: Vec<&str> = words.into_iter().chain(["--also", "of-somebody"]).collect();
    let deleted = scene.run(&also);
    assert_eq!((deleted.code, scene.took("DeleteDBSnapshot")), (0, 1), "{}", deleted.stderr);
}

#[test]
fn what_may_not_be_looked_at_is_said() {
    let faults = "faults:\n  - { service: tagging, operation: GetResources, when: { probability: 1.0 }, \
        kind: { error: { code: AccessDeniedException, status: 400, message: not authorized to perform tag:GetResources } } }\n";
    let scene = Scene::new();
    let file = scene.desk.write("faults.yaml", faults);
    let scene = Scene::with(&["--faults", &file]);
    let run = killed(&scene);
    let words: Vec<&str> = ["leftovers"].into_iter().chain(REGION).collect();
    let listed = scene.run(&words);
    assert_eq!(listed.code, 1, "{}", listed.stderr);
    assert!(listed.stdout.contains(&run), "RDS's own list shows it all the same: {}", listed.stdout);
    assert!(
        listed.stderr.contains("NOT LOOKED AT in eu-west-1") && listed.stderr.contains("tag:GetResources"),
        "{}",
        listed.stderr
    );
}

/// A run that was paused goes on with what a person restored by hand, and never deletes that.
#[test]
fn what_is_adopted_is_looked_at_used_and_left_alone() {
    use crate::signals::send;
    let scene = Scene::new();
    let settle =
        "  - { id: settle, pause: 2h }\noutputs: { endpoint: \"${{ steps.restore.outputs.endpoint }}\" }\n";
    let book = scene.desk.write("book.yaml", &format!("{BOOK}{settle}"));
    let mut child = scene.spawn(&["run", &book, "--yes", "--disrupted-at", "2026-01-05T09:00:00Z"]);
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    until(&mut stderr, "restore: created rds:db");
    send(&child, "INT");
    assert_eq!(ended(child, stderr).code, 4);

    let adopt = |id: &str| {
        let named = format!("instance={id}");
        let words = ["resume", "latest", "--done", "restore", "--reason", "by hand", "--adopt", &named];
        scene.spawn(&words)
    };
    let refused = |id: &str| {
        let mut child = adopt(id);
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        ended(child, stderr)
    };
    let missing = refused("nobody");
    assert_eq!(missing.code, 7, "{}", missing.stderr);
    assert!(missing.stderr.contains("instance `nobody` is not there"), "{}", missing.stderr);
    let reply = call(
        &scene,
        "Action=RestoreDBInstanceToPointInTime&SourceDBInstanceIdentifier=orders-prod\
         &TargetDBInstanceIdentifier=by-hand&UseLatestRestorableTime=true",
    );
    assert!(reply.contains("by-hand"), "{reply}");
    let early = refused("by-hand");
    assert_eq!(early.code, 7, "{}", early.stderr);
    assert!(early.stderr.contains("is not ready: it is `creating`"), "{}", early.stderr);
    while !call(&scene, "Action=DescribeDBInstances&DBInstanceIdentifier=by-hand").contains(">available<") {}

    let mut child = adopt("by-hand");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    until(&mut stderr, "settle: started");
    send(&child, "TERM");
    assert_eq!(ended(child, stderr).code, 4);
    let (_, document) = scene.program.json(&["show", "latest", "--output", "json"]);
    let steps = document["steps"].as_array().expect("steps");
    let restore = steps.iter().find(|step| step["id"] == "restore").expect("a step");
    assert_eq!(
        (&restore["state"], &restore["outputs"]["instance"]),
        (&"done_by_hand".into(), &"by-hand".into())
    );
    assert!(
        restore["outputs"]["endpoint"].as_str().is_some_and(|it| it.starts_with("by-hand.")),
        "{restore}"
    );

    let aborted = scene.run(&["abort", "latest", "--undo", "--yes"]);
    assert_eq!(aborted.code, 5, "{}", aborted.stderr);
    assert_eq!(scene.took("DeleteDBInstance"), 1, "what the run itself had made, and nothing else");
    assert!(call(&scene, "Action=DescribeDBInstances&DBInstanceIdentifier=by-hand").contains(">available<"));
}
