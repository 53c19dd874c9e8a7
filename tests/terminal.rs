//! The live view as a terminal shows it: the real program at a pseudo terminal, its screen read back.

use crate::program::{Desk, Program, root};
use lifeboat_engine::clock::Clock;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A program at a pseudo terminal, as `script` of util-linux makes one, and what stands on its screen.
pub(crate) struct AtTerminal {
    child: Child,
    shown: Receiver<Vec<u8>>,
    recorded: String,
    screen: vt100::Parser,
}

/// The longest time anything at a terminal may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The prompt of a question.
const ANSWER: &str = "your answer (nothing: leave it open):";

impl AtTerminal {
    /// A terminal of 80 columns and 24 rows.
    pub(crate) fn start(program: &Program, words: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_with(program, words, environment, (80, 24), "")
    }

    /// `then` is what the shell does when the program has ended; with nothing to do it becomes the program, because a
    /// shell in between would take Ctrl-C for itself.
    fn start_with(
        program: &Program,
        words: &[&str],
        environment: &[(&str, &str)],
        (columns, rows): (u16, u16),
        then: &str,
    ) -> Self {
        let quoted: Vec<String> = std::iter::once(env!("CARGO_BIN_EXE_lifeboat"))
            .chain(words.iter().copied())
            .map(|word| format!("'{word}'"))
            .collect();
        let exec = if then.is_empty() { "exec " } else { "" };
        let command = format!("stty rows {rows} cols {columns}; {exec}{} {then}", quoted.join(" "));
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--flush", "--command", &command, "/dev/null"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LIFEBOAT_HOME", program.home.path())
            .env("USER", "alice")
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .envs(environment.iter().copied())
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("`script` (util-linux) makes the terminal of this test");
        let mut output = child.stdout.take().expect("it is piped");
        let (tell, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                if tell.send(bytes[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(size(rows), size(columns), 0);
        Self { child, shown, recorded: String::new(), screen }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.recorded.push_str(&String::from_utf8_lossy(bytes));
        self.screen.process(bytes);
    }

    /// The rows of the screen.
    fn rows(&self) -> Vec<String> {
        let screen = self.screen.screen();
        let (_, columns) = screen.size();
        screen.rows(0, columns.get()).map(|row| row.trim_end().to_owned()).collect()
    }

    /// Waits until the screen is as it should be.
    fn see(&mut self, told: &str, is_so: impl Fn(&[String]) -> bool) {
        loop {
            let rows = self.rows();
            if is_so(&rows) {
                return;
            }
            let more = self.shown.recv_timeout(PATIENCE);
            let more = more.unwrap_or_else(|_| panic!("{told}: not on the screen:\n{}", rows.join("\n")));
            self.take(&more);
        }
    }

    /// Waits until this stands on the screen.
    pub(crate) fn shows(&mut self, text: &str) {
        self.see(text, |rows| rows.iter().any(|row| row.contains(text)));
    }

    /// Waits until this was written, behind what was waited for before; it may have been overwritten since.
    pub(crate) fn until(&mut self, expected: &str, from: usize) -> usize {
        loop {
            if let Some(at) = self.recorded.get(from..).and_then(|rest| rest.find(expected)) {
                return from + at + expected.len();
            }
            let more = self.shown.recv_timeout(PATIENCE);
            let more = more.unwrap_or_else(|_| panic!("`{expected}` is not shown:\n{}", self.recorded));
            self.take(&more);
        }
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("it can be typed");
    }

    /// Types a line behind a prompt, as a person does: sees the prompt, sees what was typed, and it gone.
    pub(crate) fn answer(&mut self, prompt: &str, text: &str) {
        let is_asked = |rows: &[String]| rows.iter().any(|row| row.ends_with(prompt));
        self.see(prompt, is_asked);
        if !text.trim().is_empty() {
            self.type_in(text);
            let typed = format!("{prompt} {text}");
            self.see(&typed, |rows| rows.iter().any(|row| row.ends_with(&typed)));
            self.type_in("\n");
            self.see("the next", |rows| !rows.iter().any(|row| row.ends_with(&typed)));
        } else {
            self.type_in("\n");
        }
    }

    /// Makes the terminal that `run` is driven at as large as this.
    fn resize(&mut self, program: &Program, run: &str, columns: u16, rows: u16) {
        let holder = fs::read_to_string(program.file(run, "lock")).expect("the run is held");
        let process = holder.rsplit(' ').next().expect("it ends with the process");
        let terminal = fs::read_link(format!("/proc/{process}/fd/0")).expect("it reads from a terminal");
        let resized = Command::new("stty")
            .args([
                "-F",
                &terminal.display().to_string(),
                "cols",
                &columns.to_string(),
                "rows",
                &rows.to_string(),
            ])
            .status();
        assert!(resized.expect("`stty` starts").success());
        self.screen.screen_mut().set_size(size(rows), size(columns));
    }

    /// Everything that is seen until the program ends, with the milliseconds since it began: at most a screen every
    /// `every_ms`, and the last one. `typed` stands above, as the line at which it was started.
    pub(crate) fn film(
        program: &Program,
        words: &[&str],
        (columns, rows): (u16, u16),
        typed: &str,
        every_ms: u64,
    ) -> Vec<(u64, vt100::Screen)> {
        let mut terminal = Self::start_with(program, words, &[], (columns, rows), "");
        let clock = Clock::real();
        terminal.screen.process(typed.as_bytes());
        let mut film = vec![(0, terminal.screen.screen().clone())];
        while let Ok(bytes) = terminal.shown.recv_timeout(PATIENCE) {
            terminal.take(&bytes);
            let (now, last) = (clock.mono_ms(), film.last().map_or(0, |(at, _)| *at));
            // A screen that is drawn at once is not looked at before it is whole.
            if now >= last + every_ms && terminal.recorded.ends_with("\x1b[?2026l") {
                film.push((now, terminal.screen.screen().clone()));
            }
        }
        film.push((clock.mono_ms(), terminal.screen.screen().clone()));
        assert_eq!(terminal.ended(), 0, "{}", terminal.recorded);
        film
    }

    /// Closes the terminal, as when its window is closed.
    pub(crate) fn hang_up(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("the terminal is there");
    }

    pub(crate) fn end(mut self) -> (i32, String) {
        let code = self.ended();
        (code, self.recorded)
    }

    fn ended(&mut self) -> i32 {
        drop(self.child.stdin.take());
        while let Ok(more) = self.shown.recv_timeout(PATIENCE) {
            self.take(&more);
        }
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }
}

fn size(size: u16) -> std::num::NonZeroU16 {
    size.try_into().expect("not 0")
}

/// Runs the program at a terminal, typing each answer when its prompt is shown; gives what was shown.
pub(crate) fn terminal(
    program: &Program,
    words: &[&str],
    environment: &[(&str, &str)],
    answers: &[(&str, &str)],
) -> String {
    let mut terminal = AtTerminal::start(program, words, environment);
    for (prompt, answer) in answers {
        terminal.answer(prompt, answer);
    }
    terminal.end().1
}

const BOOK: &str = "schema: lifeboat/v1\nkind: runbook\nname: people\n\
    target: { account: \"111122223333\", region: eu-west-1 }\nobjectives: { rto: 30m }\nsteps:\n  \
    - id: restore\n    action: rds.restore_to_point_in_time\n    with: { source: orders-prod, time: latest }\n  \
    - id: go\n    approve: { message: \"Send traffic to ${{ steps.restore.outputs.instance }}?\" }\n";

fn scene() -> (Desk, Program, String, String) {
    let (desk, program) = (Desk::new(), Program::new());
    let (world, file) = (desk.quick_world(|_| {}), desk.write("b.yaml", BOOK));
    (desk, program, world, file)
}

#[test]
fn a_run_is_seen_in_place_and_its_question_is_answered_there() {
    let (_desk, program, world, file) = scene();
    let words = ["drill", &file, "--simulate", &world, "--seed", "1", "--pace", "30x"];
    let mut terminal = AtTerminal::start_with(&program, &words, &[], (80, 24), "; stty -a");
    terminal.see("AWS's word for the state", |rows| {
        rows.iter().any(|row| row.contains("restore") && row.contains("creating") && row.contains("of about"))
    });
    // What is typed before anything is asked answers nothing and stands nowhere.
    terminal.type_in("impatience\n");
    terminal.shows("? go asks");
    terminal.shows("permit it");
    let rows = terminal.rows();
    assert!(!rows.iter().any(|row| row.contains("impatience")), "{}", rows.join("\n"));
    assert_eq!(rows.iter().filter(|row| row.contains("recovery time")).count(), 1, "{}", rows.join("\n"));
    terminal.answer(ANSWER, "approve");
    terminal.answer("why:", "it looks well");
    let code = terminal.ended();
    assert_eq!(code, 0, "{}", terminal.recorded);
    let shown = &terminal.recorded;
    assert!(shown.contains("go: answered by terminal: approve: it looks well"), "{shown}");
    // Its last state stays, and what came of it stands below.
    let last = shown.rfind("✓ passed").expect("the last view");
    assert!(shown[last..].contains("nothing left behind: 1 made, all seen gone"), "{shown}");
    // The terminal is as it was.
    let modes = &shown[last..];
    assert!(modes.contains(" echo ") && modes.contains(" icanon "), "{modes}");
    assert!(!shown.contains("\x1b[?25l"), "the cursor is never hidden");
}

#[test]
fn a_narrow_terminal_is_filled_and_no_more() {
    let (_desk, program, world, file) = scene();
    let mut terminal =
        AtTerminal::start(&program, &["drill", &file, "--simulate", &world, "--seed", "1"], &[]);
    terminal.shows("? go asks");
    let run = program.latest();
    terminal.resize(&program, &run, 40, 16);
    // The header is cut by what the terminal takes now, and a bar has no room.
    terminal.see("40 columns", |rows| {
        rows.iter().any(|row| row.starts_with("people") && row.ends_with('…'))
            && rows.iter().any(|row| row.starts_with("recovery time") && row.ends_with('%'))
    });
    terminal.type_in("approve");
    terminal.see("what is typed", |rows| rows.iter().any(|row| row.ends_with(" approve")));
    let (row, column) = terminal.screen.screen().cursor_position();
    let rows = terminal.rows();
    let typed = rows[usize::from(row)].chars().count();
    assert_eq!(usize::from(column), typed, "the cursor stands behind what is typed: {rows:?}");
    terminal.type_in("\n");
    terminal.answer("why:", "");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn an_answer_from_elsewhere_takes_the_question_from_the_screen() {
    let (_desk, program, world, file) = scene();
    let mut terminal = AtTerminal::start(&program, &["run", &file, "--simulate", &world, "--seed", "1"], &[]);
    terminal.shows(ANSWER);
    terminal.type_in("rej");
    terminal.shows("rej");
    assert_eq!(program.run(&["answer", "latest", "go", "approve"]).code, 0);
    let (code, shown) = {
        let code = terminal.ended();
        (code, terminal.rows().join("\n"))
    };
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(ANSWER) && !shown.contains("rej"), "{shown}");
}

#[test]
fn ctrl_c_is_heard_in_the_middle_of_a_paced_wait() {
    let (_desk, program, world, file) = scene();
    let words = ["drill", &file, "--simulate", &world, "--seed", "1", "--pace", "20x"];
    let mut terminal = AtTerminal::start(&program, &words, &[]);
    terminal.shows("creating");
    terminal.type_in("\u{3}");
    terminal.shows("SIGINT: stopping in good order");
    terminal.shows("taken back");
    let (code, shown) = terminal.end();
    assert_eq!(code, 5, "{shown}");
    let run = program.latest();
    assert_eq!(program.accepted(&run, "DeleteDBInstance"), 1);
    let journal = fs::read_to_string(program.file(&run, "journal.jsonl")).expect("a journal");
    assert!(!journal.contains("step.succeeded"), "it was stopped before the restore was over");
}

#[test]
fn without_a_terminal_that_can_draw_there_are_lines() {
    let (desk, program, world, _) = scene();
    let file = desk.write("short.yaml", &BOOK[..BOOK.find("  - id: go").expect("a second step")]);
    let drill = ["drill", &file, "--simulate", &world, "--seed"];
    for (seed, more, environment, drawn, colored) in [
        ("1", &[][..], &[][..], true, true),
        ("2", &["--color", "never"], &[], true, false),
        ("3", &[], &[("NO_COLOR", "1")], true, false),
        ("4", &[], &[("TERM", "dumb")], false, false),
        ("5", &["-q"], &[], false, false),
    ] {
        let (code, shown) =
            AtTerminal::start(&program, &[&drill[..], &[seed], more].concat(), environment).end();
        assert_eq!(code, 0, "{shown}");
        assert_eq!(shown.contains("\x1b[J"), drawn, "{seed}: {shown}");
        assert_eq!(shown.contains("\x1b[32m"), colored, "{seed}: {shown}");
        assert_eq!(shown.contains("seen as creating"), seed == "4", "{seed}: {shown}");
        assert!(shown.contains("recovery time"), "{seed}: {shown}");
    }
}

#[test]
fn the_journal_is_the_same_at_every_pace() {
    for (book, world) in [("rds-point-in-time-restore", "default"), ("rds-multi-az-failover", "multi-az")] {
        let file = format!("runbooks/{book}.yaml");
        let journal = |pace: &str| {
            let program = Program::new();
            let said = program.run(&["drill", &file, "--simulate", world, "--seed", "7", "--pace", pace]);
            let run = program.latest();
            let read = |name| fs::read_to_string(program.file(&run, name)).expect("it is there");
            (said, read("journal.jsonl"), read("world.jsonl"))
        };
        let (instant, journal_instant, world_instant) = journal("instant");
        let (paced, journal_paced, world_paced) = journal("7200x");
        assert_eq!((instant.code, paced.code), (0, 0), "{}", paced.stderr);
        assert_eq!(journal_instant, journal_paced, "{book}");
        assert_eq!(world_instant, world_paced, "{book}");
        // Only who waits is told that it goes on.
        assert!(!instant.stderr.contains("  still "), "{}", instant.stderr);
    }
}

#[test]
fn long_waits_are_told_without_a_terminal() {
    let program = Program::new();
    let file = "runbooks/rds-point-in-time-restore.yaml";
    let said = program.run(&["drill", file, "--simulate", "--seed", "7", "--pace", "7200x"]);
    let still: Vec<&str> = said.stderr.lines().filter(|line| line.contains("  still restore: ")).collect();
    assert!(
        still.first().is_some_and(|line| line.contains("creating, ") && line.contains(" of about ")),
        "{still:?}"
    );
}

#[test]
fn a_pace_is_for_simulated_runs() {
    let said = Program::new().run(&["drill", "runbooks/rds-point-in-time-restore.yaml", "--pace", "60x"]);
    assert_eq!((said.code, said.stderr.contains("add --simulate")), (2, true), "{}", said.stderr);
}

#[test]
fn more_is_said_where_it_is_asked_for() {
    let (_desk, program, world, file) = scene();
    let words = ["drill", &file, "--simulate", &world, "--seed", "1"];
    let call = "called rds RestoreDBInstanceToPointInTime: HTTP 200";
    assert!(!program.run(&words).stderr.contains(call));
    let said = program.run(&[&words[..], &["-v"]].concat());
    assert!(said.stderr.contains(call), "{}", said.stderr);
}

#[test]
fn reports_are_written_when_the_run_is_over() {
    let (desk, program, world, file) = scene();
    let reports = desk.write("place", "");
    fs::remove_file(&reports).expect("it was made");
    let words = ["drill", &file, "--simulate", &world, "--seed", "1", "--report", &reports];
    let said = program.run(&words);
    assert_eq!(said.code, 4, "{}", said.stderr);
    let run = program.latest();
    let read = |ending: &str| fs::read_to_string(format!("{reports}/{run}.{ending}")).expect("it is written");
    assert!(
        read("md").contains(&run) && read("html").contains(&run) && read("junit.xml").contains("<testsuite")
    );
    let document: Value = serde_json::from_str(&read("json")).expect("JSON");
    assert_eq!(document["outcome"], "paused");
    let said = program.run(&["drill", &file, "--simulate", &world, "--report", "/dev/null/reports"]);
    assert_eq!(said.code, 2, "before anything is begun: {}", said.stderr);
}

#[test]
fn who_watches_sees_the_question_the_way_to_answer_it_and_the_end() {
    let (_desk, program, world, file) = scene();
    let mut driver = AtTerminal::start(&program, &["drill", &file, "--simulate", &world, "--seed", "1"], &[]);
    driver.shows(ANSWER);
    let run = program.latest();
    let mut watcher = AtTerminal::start(&program, &["watch", &run], &[]);
    watcher.shows("? go asks");
    watcher.shows(&format!("lifeboat answer {run} go approve|reject"));
    let plain = program
        .command(&["watch", &run])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let plain = plain.expect("it starts");
    assert_eq!(program.run(&["answer", &run, "go", "approve"]).code, 0);
    let (code, shown) = watcher.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("✓ passed") && shown.contains("go: answered by command: approve"), "{shown}");
    let plain = plain.wait_with_output().expect("it ends");
    let lines = String::from_utf8_lossy(&plain.stderr);
    assert_eq!(plain.status.code(), Some(0), "{lines}");
    assert!(lines.contains("restore: seen as creating") && lines.contains("restore: taken back"), "{lines}");
    assert_eq!(driver.end().0, 0);
    // A run that is over is shown, and that is all.
    let said = program.run(&["watch", "latest", "--output", "json"]);
    let journal = fs::read_to_string(program.file(&run, "journal.jsonl")).expect("a journal");
    assert_eq!((said.code, said.stdout), (0, journal));
}

#[test]
fn a_run_that_nobody_drives_is_not_waited_for() {
    let (_desk, program, world, file) = scene();
    assert_eq!(program.run(&["run", &file, "--simulate", &world, "--seed", "1"]).code, 4);
    let run = program.latest();
    let before = fs::read(program.file(&run, "lock")).expect("a lock");
    // A torn last line is what a crash leaves.
    let mut journal =
        fs::File::options().append(true).open(program.file(&run, "journal.jsonl")).expect("it is there");
    journal.write_all(b"{\"v\":1,\"seq\":").expect("it can be written");
    let said = program.run(&["watch", "latest"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(said.stderr.contains("nobody drives this run now"), "{}", said.stderr);
    assert!(said.stderr.contains(&format!("lifeboat answer {run} go approve|reject")), "{}", said.stderr);
    assert_eq!(fs::read(program.file(&run, "lock")).expect("a lock"), before, "the lock was not taken");
}
