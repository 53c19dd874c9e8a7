//! Secrets are fetched from where they are kept, and are nowhere to be read.

use crate::program::{Desk, Program};
use crate::terminal::terminal;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const CANARY: &str = "c4n\"ary/in+the\\mine?~";

/// The forms in which a secret turns up: as it is, escaped for JSON, for a URL, in base64 in each alignment.
fn forms() -> Vec<String> {
    let json = serde_json::to_string(CANARY).unwrap();
    let url: String = CANARY
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let mut forms = vec![CANARY.to_owned(), json[1..json.len() - 1].to_owned(), url];
    for before in ["", "a", "ab"] {
        forms.push(STANDARD.encode(format!("{before}{CANARY}")));
        forms.push(URL_SAFE_NO_PAD.encode(format!("{before}{CANARY}")));
    }
    forms
}

/// What of a form does not depend on what stands beside it.
fn telling(form: &str) -> &str {
    let characters = form.len();
    &form[3..characters - 4]
}

/// A world whose database says the secret in all its forms.
fn talkative(world: &mut Value) {
    let column =
        |(number, form): (usize, String)| json!({ "name": format!("f{number}"), "holds": { "text": form } });
    let columns: Vec<Value> = forms().into_iter().enumerate().map(column).collect();
    world["databases"]["orders"]["tables"]["notes"] =
        json!({ "since": "2026-01-04T09:00:00Z", "every_seconds": 86400, "columns": columns });
}

fn book(secret: &str) -> String {
    format!(
        "schema: lifeboat/v1\nkind: runbook\nname: hush\n\
         target: {{ account: \"111122223333\", region: eu-west-1 }}\nsecrets: {{ pw: {secret} }}\nsteps:\n  \
         - {{ id: look, action: rds.describe_instance, with: {{ instance: orders-prod }} }}\n  \
         - id: ask\n    action: postgres.query\n    with:\n      host: ${{{{ steps.look.outputs.endpoint }}}}\n      \
         database: orders\n      user: readonly\n      password: ${{{{ secrets.pw }}}}\n      sql: select * from notes\n  \
         - id: wait\n    approve: {{ message: \"The first says ${{{{ steps.ask.outputs.rows[0].f0 }}}}\" }}\n"
    )
}

fn assert_nothing_in(path: &Path) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            assert_nothing_in(&entry.unwrap().path());
        }
        return;
    }
    assert_hidden(&String::from_utf8_lossy(&fs::read(path).unwrap()), &path.display().to_string());
}

fn assert_hidden(text: &str, place: &str) {
    for form in forms() {
        assert!(!text.contains(telling(&form)), "{place} shows {form}");
    }
}

#[test]
fn a_canary_is_nowhere_to_be_read() {
    let (desk, program) = (Desk::new(), Program::new());
    let world = desk.quick_world(talkative);
    // The test can tell: without being a secret, all its forms are there.
    let open = desk.write("open.yaml", &book("{ env: OTHER }"));
    let start = ["--simulate", &world, "--seed", "1", "--output", "json"];
    let said = program
        .command(&[&["drill", &open][..], &start].concat())
        .env("OTHER", "not-the-canary")
        .output()
        .unwrap();
    let shown = String::from_utf8(said.stdout).unwrap();
    let unescaped: Value = serde_json::from_str(&shown).unwrap();
    for form in forms() {
        let rows = unescaped["steps"][1]["outputs"]["rows"][0].as_object().unwrap();
        assert!(
            rows.values().any(|value| value.as_str().is_some_and(|value| value.contains(telling(&form)))),
            "{form}"
        );
    }

    let program = Program::new();
    let file = desk.write("hush.yaml", &book("{ env: CANARY }"));
    let said =
        program.command(&[&["drill", &file][..], &start].concat()).env("CANARY", CANARY).output().unwrap();
    assert_eq!(said.status.code(), Some(4));
    assert_hidden(&String::from_utf8_lossy(&said.stdout), "standard output");
    assert_hidden(&String::from_utf8_lossy(&said.stderr), "standard error");
    let run = program.latest();
    assert_eq!(program.run(&["answer", &run, "wait", "approve"]).code, 0);
    let said = program.command(&["resume", &run]).env("CANARY", CANARY).output().unwrap();
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    for words in [&["show", &run][..], &["show", &run, "--output", "json"], &["report", &run], &["runs"]] {
        assert_hidden(&program.run(words).stdout, &format!("{words:?}"));
    }

    // On a terminal, with the question shown there.
    let recorded = terminal(
        &program,
        &["drill", &file, "--simulate", &world, "--seed", "2"],
        &[("CANARY", CANARY)],
        &[("your answer (nothing: leave it open):", "approve"), ("why:", "")],
    );
    assert!(recorded.contains("‹secret pw›"), "{recorded}");
    assert_hidden(&recorded, "the terminal");
    assert_nothing_in(program.home.path());
    let journal = fs::read_to_string(program.file(&run, "journal.jsonl")).unwrap();
    assert!(journal.contains("‹secret pw›") && !journal.contains("not-the-canary"));
}

#[test]
fn secrets_come_from_the_places_that_are_named() {
    let (desk, program) = (Desk::new(), Program::new());
    let password = "s3cret-enough";
    let world = desk.quick_world(|world| {
        talkative(world);
        world["databases"]["orders"]["password"] = password.into();
        let region = &mut world["accounts"][0]["regions"]["eu-west-1"];
        region["secrets"][0]["value"]["password"] = password.into();
        region["parameters"][0] = json!({
            "name": "/orders/password", "type": "SecureString", "value": password, "modified_at": "2025-03-11T09:02:44Z"
        });
    });
    let kept = desk.write("password", &format!("{password}\n"));
    for (place, code) in [
        ("{ env: PASSWORD }".to_owned(), 4),
        (format!("{{ file: {kept} }}"), 4),
        ("{ secretsmanager: orders/db, key: password }".to_owned(), 4),
        ("{ ssm: /orders/password }".to_owned(), 4),
        ("{ secretsmanager: orders/db, key: username }".to_owned(), 1),
        ("{ secretsmanager: orders/db, key: pasword }".to_owned(), 1),
        ("{ secretsmanager: no/such }".to_owned(), 1),
        ("{ ssm: /no/such }".to_owned(), 1),
        ("{ env: NOT_SET }".to_owned(), 1),
        ("{ file: /no/such/file }".to_owned(), 1),
    ] {
        let file = desk.write("book.yaml", &book(&place));
        let words = ["drill", &file, "--simulate", &world, "--output", "json", "--quiet"];
        let said = program.command(&words).env("PASSWORD", password).output().unwrap();
        let shown = String::from_utf8_lossy(&said.stdout);
        assert_eq!(
            said.status.code(),
            Some(code),
            "{place}: {shown}{}",
            String::from_utf8_lossy(&said.stderr)
        );
        assert!(!shown.contains(password), "{place}");
    }
    assert_nothing_but_the_worlds_own(&program, password);
}

/// The simulated world keeps its secrets in its own file, which is the user's; the home has nothing of them.
fn assert_nothing_but_the_worlds_own(program: &Program, password: &str) {
    for run in fs::read_dir(program.home.path().join("runs")).unwrap() {
        for entry in fs::read_dir(run.unwrap().path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                assert!(
                    !String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(password),
                    "{}",
                    path.display()
                );
            }
        }
    }
}
