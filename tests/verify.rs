//! A journal that was touched is found, and the line is named.

use crate::program::Program;
use std::fs;

#[test]
fn any_changed_byte_is_found() {
    let program = Program::new();
    let (_, document) = program.json(&[
        "drill",
        "runbooks/rds-point-in-time-restore.yaml",
        "--simulate",
        "--seed",
        "1",
        "--output",
        "json",
        "--quiet",
    ]);
    let run = document["run"].as_str().unwrap();
    let path = program.file(run, "journal.jsonl");
    let journal = fs::read(&path).unwrap();
    let whole = program.run(&["verify", run]);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    assert!(whole.stdout.contains(document["journal"]["head"].as_str().unwrap()));

    // Every byte is tried in the journal's own tests; here the program is asked for some of each line.
    let mut line = 1;
    for (place, byte) in journal.iter().enumerate() {
        if place % 397 == 0 || *byte == b'\n' {
            let mut touched = journal.clone();
            touched[place] ^= 1;
            fs::write(&path, &touched).unwrap();
            let said = program.run(&["verify", run]);
            assert_eq!(said.code, 1, "byte {place}");
            assert!(
                said.stderr.contains(&format!("journal.jsonl:{line}:")),
                "byte {place}, line {line}: {}",
                said.stderr
            );
        }
        line += usize::from(*byte == b'\n');
    }

    // A tail that was cut off at a line's end is whole in itself; the head that was kept tells.
    let cut = journal[..journal.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(&path, &journal[..cut]).unwrap();
    let said = program.run(&["verify", run, "--head", document["journal"]["head"].as_str().unwrap()]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("lines were cut off or added"), "{}", said.stderr);
}
