//! The simulated AWS as strangers see it: boto3 and the AWS CLI drive `lifeboat sim serve`.

use crate::program::{Program, root};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A server that ends with the test.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    fn start(program: &Program, more: &[&str]) -> Self {
        Self::start_at("0", program, more)
    }

    /// With a clock that runs by itself at this rate.
    pub(crate) fn start_at(rate: &str, program: &Program, more: &[&str]) -> Self {
        let mut arguments =
            vec!["sim", "serve", "--listen", "127.0.0.1:0", "--clock-rate", rate, "--seed", "7"];
        arguments.extend(more);
        let mut command = program.command(&arguments);
        let mut process =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the program prints its address");
        let url = line.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{arguments:?} printed {url:?}");
        Self { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn boto3_and_the_aws_cli_drive_every_simulated_operation() {
    let program = Program::new();
    let (default, multi_az) = (Server::start(&program, &[]), Server::start(&program, &["multi-az"]));
    let nothing = program.home.path().join("none");
    let output = Command::new("python3")
        .arg(root().join("tests/clients/drive_simulator.py"))
        .args([&default.url, &multi_az.url])
        .env("HOME", program.home.path())
        .env("AWS_CONFIG_FILE", &nothing)
        .env("AWS_SHARED_CREDENTIALS_FILE", &nothing)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("this test needs python3 with tests/requirements.txt, which scripts/test installs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "python3 with tests/requirements.txt (scripts/test installs it) could not drive the simulator:\n{said}"
    );
    let called: BTreeSet<(String, String)> =
        serde_json::from_slice(&output.stdout).expect("the script prints a list of operations");
    let called: BTreeSet<(&str, &str)> =
        called.iter().map(|(service, operation)| (service.as_str(), operation.as_str())).collect();
    assert_eq!(called, lifeboat_sim::service::operations().collect());
}

#[test]
fn a_world_that_cannot_be_served_is_refused() {
    let program = Program::new();
    let unknown = program.run(&["sim", "serve", "atlantis"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("there is no world \"atlantis\""), "{}", unknown.stderr);
    let backwards = program.run(&["sim", "serve", "--clock-rate=-1"]);
    assert_eq!(backwards.code, 2, "{}", backwards.stderr);
    assert!(backwards.stderr.contains("--clock-rate takes a number from 0 on"), "{}", backwards.stderr);
    let never = program.run(&["sim", "serve", "--start", "yesterday"]);
    assert_eq!(never.code, 2, "{}", never.stderr);
    assert!(never.stderr.contains("--start takes `now` or a time, not `yesterday`"), "{}", never.stderr);
    let taken = Server::start(&program, &[]);
    let address = taken.url.trim_start_matches("http://");
    let second = program.run(&["sim", "serve", "--listen", address]);
    assert_eq!(second.code, 1, "{}", second.stderr);
    assert!(second.stderr.contains("cannot listen on"), "{}", second.stderr);
}

#[test]
fn faults_of_a_file_are_served_too() {
    let program = Program::new();
    let file = program.home.path().join("faults.yaml");
    let text = "faults:\n  - service: sts\n    operation: GetCallerIdentity\n    when: { calls: [1] }\n    kind: reply_lost\n";
    std::fs::write(&file, text).expect("a file");
    let server = Server::start(&program, &["--faults", file.to_str().expect("UTF-8")]);
    let script = "import sys, urllib.request, http.client\n\
        request = urllib.request.Request(sys.argv[1], b'Action=GetCallerIdentity&Version=2011-06-15', {\n\
            'Authorization': 'AWS4-HMAC-SHA256 Credential=any/20260105/eu-west-1/sts/aws4_request'})\n\
        try:\n    urllib.request.urlopen(request)\n\
        except http.client.RemoteDisconnected:\n    print(urllib.request.urlopen(request).status)\n";
    let output = Command::new("python3").args(["-c", script, &server.url]).output().expect("python3 starts");
    let said = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.0.trim(), "200", "the first reply is lost and the second comes: {}", said.1);
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/simulator.md")).expect("the page of the simulator")
}

#[test]
fn the_page_names_every_operation_and_no_other() {
    let page = page();
    let mut named = BTreeSet::new();
    for row in page.lines().filter_map(|line| line.strip_prefix("| `")) {
        let Some((service, operations)) = row.split_once(" | ") else { continue };
        let service = service.split('`').next().unwrap_or_default();
        let operations = operations.trim_end_matches(" |").split(", ");
        let is_one = |it: &&str| it.starts_with(char::is_uppercase) && it.chars().all(char::is_alphanumeric);
        named.extend(operations.filter(is_one).map(|it| (service, it)));
    }
    assert_eq!(named, lifeboat_sim::service::operations().collect());
}

#[test]
fn the_world_of_the_page_can_be_read() {
    let page = page();
    let (_, rest) = page.split_once("```json\n").expect("a world");
    let (text, _) = rest.split_once("```").expect("its end");
    let world: lifeboat_sim::WorldDefinition = serde_json::from_str(text).expect("a world file");
    assert_eq!(world.problems(), Vec::<String>::new());
}
