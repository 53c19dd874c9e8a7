//! Ctrl-C, SIGTERM and a terminal that is closed: while databases are being restored, before anything was made, while a
//! person is asked, while a drill takes back: the exit code, what is left in AWS, and how the run is taken to a good end.
//! AWS is a process of its own whose clock runs, as it does in life.

use crate::clients::Server;
use crate::program::{Desk, Program, Said};
use crate::terminal::AtTerminal;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

/// A restore, and nothing that needs a database to connect to.
const RESTORE: &str = "schema: lifeboat/v1\nkind: runbook\nname: signals\n\
    target: { account: \"111122223333\", region: eu-west-1 }\nsteps:\n";
const STEP: &str = "  - id: restore\n    action: rds.restore_to_point_in_time\n    with: { source: orders-prod, time: latest }\n";
const SETTLE: &str = "  - id: settle\n    pause: 2h\n";
const ASK: &str = "  - id: ask\n    manual: { instructions: Look at it. }\n";
const BOTH: &str = "  - id: both\n    parallel:\n\
    \x20     - { id: restore, action: rds.restore_to_point_in_time, with: { source: orders-prod, time: latest } }\n\
    \x20     - { id: again, action: rds.restore_to_point_in_time, with: { source: orders-prod, time: latest } }\n";
const FAILS: &str = "  - { id: proof, action: rds.describe_instance, with: { instance: orders-prod }, assert: [ \"false\" ] }\n";

/// Where a run is when the signal comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    /// A pause before the first step that makes something.
    NothingMade,
    /// AWS has accepted the restore.
    Restoring,
    /// AWS has accepted two restores.
    Several,
    /// A person is asked at a terminal, after a restore.
    Asking,
    /// A drill takes back what it made, because a step failed.
    Undoing,
}

impl Moment {
    fn book(self) -> String {
        match self {
            Self::NothingMade => format!("{RESTORE}{SETTLE}{STEP}"),
            Self::Restoring => format!("{RESTORE}{STEP}"),
            Self::Several => format!("{RESTORE}{BOTH}"),
            Self::Asking => format!("{RESTORE}{STEP}{ASK}"),
            Self::Undoing => format!("{RESTORE}{STEP}{FAILS}"),
        }
    }

    /// What the program says then.
    fn sign(self) -> &'static str {
        match self {
            Self::NothingMade => "settle: started",
            Self::Restoring => "restore: created rds:db",
            Self::Several => "again: created rds:db",
            Self::Asking => "Look at it.",
            Self::Undoing => "taking back what was done",
        }
    }
}

/// A home, and an AWS in another process.
pub(crate) struct Scene {
    pub(crate) program: Program,
    pub(crate) desk: Desk,
    pub(crate) server: Server,
}

impl Scene {
    /// Restores take five minutes of a world in which a minute passes in a second.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The same with more words for the server.
    pub(crate) fn with(more: &[&str]) -> Self {
        let (program, desk) = (Program::new(), Desk::new());
        let world = desk.quick_world(|world| world["durations"]["rds restore creating"] = 300.into());
        let words: Vec<&str> = std::iter::once(world.as_str()).chain(more.iter().copied()).collect();
        let server = Server::start_at("60", &program, &words);
        Self { program, desk, server }
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.spawn_in(&self.program, arguments)
    }

    /// In another home, against the same AWS.
    pub(crate) fn spawn_in(&self, program: &Program, arguments: &[&str]) -> Child {
        let mut command = program.command(arguments);
        command.envs(self.environment()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    fn environment(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.server.url),
            ("AWS_ACCESS_KEY_ID", "any"),
            ("AWS_SECRET_ACCESS_KEY", "any"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("USER", "alice"),
        ]
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_in(&self.program, arguments)
    }

    pub(crate) fn run_in(&self, program: &Program, arguments: &[&str]) -> Said {
        let mut child = self.spawn_in(program, arguments);
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        ended(child, stderr)
    }

    /// Starts a run, sends a signal at that moment, once or twice; gives how it ended.
    fn signalled(&self, mode: &str, moment: Moment, signal: &str, times: usize) -> Said {
        let book = self.desk.write("book.yaml", &moment.book());
        let mut arguments = vec![mode, &book];
        if mode == "run" {
            arguments.extend(["--yes", "--disrupted-at", "2026-01-05T09:00:00Z"]);
        }
        let mut child = self.spawn(&arguments);
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        until(&mut stderr, moment.sign());
        send(&child, signal);
        until(&mut stderr, &format!("SIG{signal}: stopping in good order"));
        if times > 1 {
            // Written down by now; a signal before that would leave a drill that only goes on.
            if mode == "drill" {
                until(&mut stderr, "taking back what was done");
            }
            send(&child, signal);
        }
        ended(child, stderr)
    }

    /// How often AWS took an operation.
    pub(crate) fn took(&self, operation: &str) -> usize {
        let address = self.server.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the server listens");
        let request = format!("GET /_sim/log HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut log = String::new();
        stream.read_to_string(&mut log).expect("a log");
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter(|entry| entry["operation"] == operation && entry["effect"] == true).count()
    }

    pub(crate) fn restores_and_deletions(&self) -> (usize, usize) {
        (self.took("RestoreDBInstanceToPointInTime"), self.took("DeleteDBInstance"))
    }

    pub(crate) fn left(&self) -> Value {
        self.program.json(&["show", "latest", "--output", "json"]).1["left_behind"].clone()
    }
}

/// Reads until it says this.
pub(crate) fn until(stderr: &mut BufReader<ChildStderr>, sign: &str) {
    let mut said = String::new();
    while !said.contains(sign) {
        assert_ne!(stderr.read_line(&mut said).expect("UTF-8"), 0, "it never says `{sign}`:\n{said}");
    }
}

pub(crate) fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(sent.expect("`kill` starts").success(), "the process is there to be signalled");
}

pub(crate) fn ended(mut child: Child, mut errors: BufReader<ChildStderr>) -> Said {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().expect("a pipe").read_to_string(&mut stdout).expect("UTF-8");
    errors.read_to_string(&mut stderr).expect("UTF-8");
    Said { code: child.wait().expect("it ends").code().unwrap_or(-1), stdout, stderr }
}

/// A row of the table: what a signal does, and what is done then and how that ends.
struct Row {
    mode: &'static str,
    moment: Moment,
    times: usize,
    code: i32,
    /// Restores and deletions that AWS took until the process ended; a drill that leaves at once may be anywhere.
    took: Option<(usize, usize)>,
    then: &'static [&'static str],
    then_code: i32,
    finally: (usize, usize),
}

const ROWS: [Row; 9] = [
    Row {
        mode: "drill",
        moment: Moment::NothingMade,
        times: 1,
        code: 5,
        took: Some((0, 0)),
        then: &["resume", "RUN"],
        then_code: 7,
        finally: (0, 0),
    },
    Row {
        mode: "run",
        moment: Moment::NothingMade,
        times: 1,
        code: 4,
        took: Some((0, 0)),
        then: &["abort", "RUN", "--no-undo", "--reason", "practice"],
        then_code: 5,
        finally: (0, 0),
    },
    Row {
        mode: "drill",
        moment: Moment::Restoring,
        times: 1,
        code: 5,
        took: Some((1, 1)),
        then: &["resume", "RUN"],
        then_code: 7,
        finally: (1, 1),
    },
    Row {
        mode: "run",
        moment: Moment::Restoring,
        times: 1,
        code: 4,
        took: Some((1, 0)),
        then: &["resume", "RUN"],
        then_code: 0,
        finally: (1, 0),
    },
    Row {
        mode: "drill",
        moment: Moment::Restoring,
        times: 2,
        code: 6,
        took: None,
        then: &["resume", "RUN"],
        then_code: 5,
        finally: (1, 1),
    },
    Row {
        mode: "run",
        moment: Moment::Restoring,
        times: 2,
        code: 4,
        took: Some((1, 0)),
        then: &["resume", "RUN"],
        then_code: 0,
        finally: (1, 0),
    },
    Row {
        mode: "drill",
        moment: Moment::Several,
        times: 1,
        code: 5,
        took: Some((2, 2)),
        then: &["resume", "RUN"],
        then_code: 7,
        finally: (2, 2),
    },
    Row {
        mode: "run",
        moment: Moment::Several,
        times: 1,
        code: 4,
        took: Some((2, 0)),
        then: &["resume", "RUN"],
        then_code: 0,
        finally: (2, 0),
    },
    // What is being taken back goes on being taken back; of failed and aborted, aborted counts.
    Row {
        mode: "drill",
        moment: Moment::Undoing,
        times: 1,
        code: 5,
        took: Some((1, 1)),
        then: &["resume", "RUN"],
        then_code: 7,
        finally: (1, 1),
    },
];

fn check(signal: &str, row: &Row) -> String {
    let Row { mode, moment, times, .. } = row;
    let told = format!("{signal} {mode} {moment:?} {times}×");
    let scene = Scene::new();
    let said = scene.signalled(mode, *moment, signal, *times);
    assert_eq!(said.code, row.code, "{told}: {}", said.stderr);
    let took = scene.restores_and_deletions();
    assert!(row.took.is_none_or(|expected| expected == took), "{told}: {took:?}");
    let run = scene.program.latest();
    let then: Vec<&str> = row.then.iter().map(|word| if *word == "RUN" { &run } else { *word }).collect();
    let then = scene.run(&then);
    assert_eq!(then.code, row.then_code, "{told}: {:?}: {}{}", row.then, then.stdout, then.stderr);
    assert_eq!(scene.restores_and_deletions(), row.finally, "{told}: {}", then.stdout);
    assert_eq!(scene.left(), Value::Array(Vec::new()), "{told}");
    assert_eq!(scene.program.run(&["verify", "latest"]).code, 0, "{told}");
    let journal = std::fs::read_to_string(scene.program.file(&run, "journal.jsonl")).expect("a journal");
    let heard = journal.lines().filter(|line| line.contains("\"signal.received\"")).count();
    assert_eq!(heard, *times, "{told}: each signal is an event");
    let (restores, deletions) = row.finally;
    format!(
        "SIG{signal:<5} {mode:<6} {:<12} {times}×  exit {}  then {:<7} exit {}  restored {restores}×, deleted {deletions}×",
        format!("{moment:?}"),
        row.code,
        row.then[0],
        row.then_code,
    )
}

#[test]
fn a_signal_leaves_what_the_table_says_and_a_good_way_on() {
    let table: Vec<String> = std::thread::scope(|scope| {
        let cases =
            ["INT", "TERM", "HUP"].into_iter().flat_map(|signal| ROWS.iter().map(move |row| (signal, row)));
        // The kernel and the shell both say that a terminal was closed: that is no second wish.
        let cases = cases.filter(|(signal, row)| *signal != "HUP" || row.times == 1);
        let running: Vec<_> = cases.map(|(signal, row)| scope.spawn(move || check(signal, row))).collect();
        running.into_iter().map(|case| case.join().expect("this row holds")).collect()
    });
    println!("{}", table.join("\n"));
}

/// It says what may be there, and `cleanup`, which is for runs that are over, says what to do instead.
#[test]
fn a_drill_that_leaves_at_once_names_what_may_be_left_and_the_way_on_is_shown() {
    let scene = Scene::new();
    let said = scene.signalled("drill", Moment::Restoring, "INT", 2);
    assert_eq!(said.code, 6);
    assert!(said.stderr.contains("may be there: rds:db signals-"), "{}", said.stderr);
    let cleaned = scene.run(&["cleanup", "latest"]);
    assert_eq!(cleaned.code, 7, "{}", cleaned.stderr);
    assert!(cleaned.stderr.contains("lifeboat abort"), "{}", cleaned.stderr);
    let aborted = scene.run(&["abort", "latest", "--undo", "--yes"]);
    assert_eq!((aborted.code, scene.left()), (5, Value::Array(Vec::new())), "{}", aborted.stderr);
    assert_eq!(scene.restores_and_deletions(), (1, 1));
}

/// A terminal that is closed, while a person is asked there and while a database is being restored.
#[test]
fn a_terminal_that_is_closed_stops_the_run_and_never_answers_for_anybody() {
    for (mode, moment, code, took) in [
        ("run", Moment::Asking, 4, (1, 0)),
        ("drill", Moment::Asking, 5, (1, 1)),
        ("run", Moment::Restoring, 4, (1, 0)),
        ("drill", Moment::Restoring, 5, (1, 1)),
    ] {
        let told = format!("{mode} {moment:?}");
        let scene = Scene::new();
        let book = scene.desk.write("book.yaml", &moment.book());
        let mut words = vec![mode, &book];
        if mode == "run" {
            words.extend(["--yes", "--disrupted-at", "2026-01-05T09:00:00Z"]);
        }
        let mut terminal = AtTerminal::start(&scene.program, &words, &scene.environment());
        terminal.shows(if moment == Moment::Asking { "Look at it." } else { "creating" });
        let run = scene.program.latest();
        terminal.hang_up();
        // Nobody waits for it any more; it ends by itself.
        let document = loop {
            let (_, document) = scene.program.json(&["show", &run, "--output", "json"]);
            if document["outcome"] != "running" && !is_driven(&scene.program, &run) {
                break document;
            }
            std::thread::yield_now();
        };
        assert_eq!(document["exit_code"], code, "{told}: {document}");
        assert_eq!(scene.restores_and_deletions(), took, "{told}");
        let journal = std::fs::read_to_string(scene.program.file(&run, "journal.jsonl")).expect("a journal");
        assert!(journal.contains("SIGHUP"), "{told}");
        assert!(!journal.contains("person.answered"), "{told}");
        let verified = scene.program.run(&["verify", &run]);
        assert_eq!(verified.code, 0, "{told}: {}{}", verified.stdout, verified.stderr);
    }
}

/// Whether the process that the lock of a run names is still there.
fn is_driven(program: &Program, run: &str) -> bool {
    let holder = std::fs::read_to_string(program.file(run, "lock")).expect("it was held");
    let process = holder.rsplit(' ').next().unwrap_or_default().trim().to_owned();
    std::path::Path::new("/proc").join(process).exists()
}

/// `2>&1 | head`: whoever read has gone away, and the run goes on to its end.
#[test]
fn a_run_whose_readers_have_gone_away_goes_on() {
    let scene = Scene::new();
    let book = scene.desk.write("book.yaml", &Moment::Restoring.book());
    let mut child = scene.spawn(&["drill", &book]);
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!((scene.restores_and_deletions(), scene.left()), ((1, 1), Value::Array(Vec::new())));
}

/// Started by `nohup`, the end of the terminal is not for it.
#[test]
fn what_was_started_to_outlive_its_terminal_does() {
    let scene = Scene::new();
    let book = scene.desk.write("book.yaml", &Moment::Restoring.book());
    let script = format!("trap '' HUP; exec '{}' drill '{book}'", env!("CARGO_BIN_EXE_lifeboat"));
    let mut child = Command::new("/bin/sh")
        .args(["-c", &script])
        .env_clear()
        .env("LIFEBOAT_HOME", scene.program.home.path())
        .envs(scene.environment())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    until(&mut stderr, Moment::Restoring.sign());
    send(&child, "HUP");
    let said = ended(child, stderr);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(!said.stderr.contains("SIGHUP"), "{}", said.stderr);
}
