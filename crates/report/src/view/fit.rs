//! More steps than lines: those under way stay, and what lies around them; the rest is counted.

use super::steps::{Group, Row, Standing};
use crate::line::{Line, Tone};
use std::collections::BTreeSet;

/// The groups in at most `room` lines, if those that must be seen leave any choice.
pub(super) fn fit(groups: &[Group], room: usize) -> Vec<Line> {
    let rows: Vec<(usize, &Row)> = groups
        .iter()
        .enumerate()
        .flat_map(|(group, it)| it.rows.iter().map(move |row| (group, row)))
        .collect();
    let all: BTreeSet<usize> = (0..rows.len()).collect();
    if height(groups, &rows, &all) <= room {
        return lines(groups, &rows, &all);
    }
    let focus = focus(&rows);
    let mut chosen = BTreeSet::new();
    // Under way first, then what is near; a failure far away is counted as such.
    let mut wanted: Vec<usize> = all.into_iter().collect();
    wanted.sort_by_key(|index| (rows[*index].1.standing != Standing::UnderWay, index.abs_diff(focus)));
    for index in wanted {
        chosen.insert(index);
        if height(groups, &rows, &chosen) > room && chosen.len() > 1 {
            chosen.remove(&index);
            break;
        }
    }
    lines(groups, &rows, &chosen)
}

/// The step that goes on, else the last one that is over.
fn focus(rows: &[(usize, &Row)]) -> usize {
    let at = |standing| rows.iter().rposition(|(_, row)| row.standing == standing);
    let last_over = || rows.iter().rposition(|(_, row)| row.standing != Standing::ToCome);
    at(Standing::UnderWay).or_else(last_over).unwrap_or_default()
}

fn height(groups: &[Group], rows: &[(usize, &Row)], chosen: &BTreeSet<usize>) -> usize {
    blocks(groups, rows, chosen)
        .map(|block| match block {
            Block::Heading(_) | Block::Gap(_) | Block::Folded(..) => 1,
            Block::Row(row) => row.lines.len(),
        })
        .sum()
}

fn lines(groups: &[Group], rows: &[(usize, &Row)], chosen: &BTreeSet<usize>) -> Vec<Line> {
    let mut lines = Vec::new();
    for block in blocks(groups, rows, chosen) {
        match block {
            Block::Heading(heading) => lines.push(Line::of(Tone::Dim, heading)),
            Block::Row(row) => lines.extend(row.lines.iter().cloned()),
            Block::Gap(rows) => lines.push(Line::of(Tone::Dim, format!("  … {}", counted(rows)))),
            Block::Folded(heading, rows) => {
                lines.push(Line::of(Tone::Dim, format!("{heading}  … {}", counted(rows))));
            }
        }
    }
    lines
}

enum Block<'view> {
    Heading(&'view str),
    Row(&'view Row),
    /// Rows of a group that are not shown, one after the other.
    Gap(&'view [Row]),
    /// A group of which none is shown.
    Folded(&'view str, &'view [Row]),
}

fn blocks<'view>(
    groups: &'view [Group],
    rows: &[(usize, &'view Row)],
    chosen: &BTreeSet<usize>,
) -> impl Iterator<Item = Block<'view>> {
    let mut blocks = Vec::new();
    let mut first = 0;
    for group in groups {
        let end = first + group.rows.len();
        if chosen.range(first..end).next().is_none() {
            blocks.push(Block::Folded(group.heading, &group.rows));
            first = end;
            continue;
        }
        blocks.push(Block::Heading(group.heading));
        let mut gap = first;
        for index in chosen.range(first..end) {
            if gap < *index {
                blocks.push(Block::Gap(&group.rows[gap - first..index - first]));
            }
            blocks.push(Block::Row(rows[*index].1));
            gap = index + 1;
        }
        if gap < end {
            blocks.push(Block::Gap(&group.rows[gap - first..]));
        }
        first = end;
    }
    blocks.into_iter()
}

fn counted(rows: &[Row]) -> String {
    let count = |standing| rows.iter().filter(|row| row.standing == standing).count();
    let words = [
        (count(Standing::UnderWay), "under way"),
        (count(Standing::Failed), "failed"),
        (count(Standing::Done), "done"),
        (count(Standing::Skipped), "skipped"),
        (count(Standing::ToCome), "to come"),
    ];
    let words = words.iter().filter(|(count, _)| *count > 0);
    words.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}
