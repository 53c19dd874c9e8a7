//! STS.

use crate::bench::{Bench, Response, field, request};

fn sts(bench: &Bench, access_key: &str, form: &[(&str, &str)]) -> Response {
    bench.answer(&request("sts", access_key, form))
}

#[test]
fn the_caller_is_the_accounts_own() {
    let body =
        sts(&Bench::new(), "AKIAEXAMPLE", &[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]).body;
    assert_eq!(field(&body, "Account"), "111122223333");
    assert_eq!(field(&body, "Arn"), "arn:aws:sts::111122223333:assumed-role/Operator/alice");
    assert_eq!(field(&body, "UserId"), "AROAEXAMPLEOPERATOR01:alice");
}

#[test]
fn an_assumed_role_is_somebody_else() {
    let bench = Bench::new();
    let role = "arn:aws:iam::111122223333:role/DisasterRecovery";
    let body = sts(
        &bench,
        "AKIAEXAMPLE",
        &[("Action", "AssumeRole"), ("RoleArn", role), ("RoleSessionName", "drill")],
    )
    .body;
    assert_eq!(field(&body, "Expiration"), "2026-01-05T10:00:00Z");
    let key = field(&body, "AccessKeyId");
    let body = sts(&bench, &key, &[("Action", "GetCallerIdentity")]).body;
    assert_eq!(field(&body, "Arn"), "arn:aws:sts::111122223333:assumed-role/DisasterRecovery/drill");
    bench.advance(3600);
    let late = sts(&bench, &key, &[("Action", "GetCallerIdentity")]);
    assert_eq!((late.status, field(&late.body, "Code").as_str()), (403, "ExpiredToken"));
}

#[test]
fn a_role_nobody_declared_is_denied() {
    let role = "arn:aws:iam::111122223333:role/Admin";
    let form = [("Action", "AssumeRole"), ("RoleArn", role), ("RoleSessionName", "drill")];
    let response = sts(&Bench::new(), "AKIAEXAMPLE", &form);
    assert_eq!((response.status, field(&response.body, "Code").as_str()), (403, "AccessDenied"));
    assert!(
        field(&response.body, "Message").contains("is not authorized to perform: sts:AssumeRole on resource")
    );
}
