//! The picture of a drill in the documents: a recording of the real program at a terminal, as an SVG that moves by CSS
//! alone. `scripts/record-terminal` records it anew.

use crate::program::{Program, root};
use crate::terminal::AtTerminal;
use std::fmt::Write;
use std::fs;

const PICTURE: &str = "docs/pictures/drill.svg";
const WORDS: [&str; 7] =
    ["drill", "runbooks/rds-point-in-time-restore.yaml", "--simulate", "--seed", "7", "--pace", "120x"];
/// Columns and rows: the view, and what is printed when it is over.
const SIZE: (u16, u16) = (96, 30);
/// Milliseconds between two screens.
const EVERY: u64 = 400;
/// How long the last screen stays before it begins again.
const REST: u64 = 8000;

const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 16.0;

/// The colours that the view uses, on a dark ground.
fn color(color: vt100::Color) -> &'static str {
    match color {
        vt100::Color::Idx(1) => "#ff7b72",
        vt100::Color::Idx(2) => "#56d364",
        vt100::Color::Idx(3) => "#e3b341",
        _ => "#c9d1d9",
    }
}

/// A stretch of cells that look the same: where it begins, its look, its text.
fn stretches(screen: &vt100::Screen, row: u16) -> Vec<(u16, (vt100::Color, bool, bool), String)> {
    let mut stretches: Vec<(u16, (vt100::Color, bool, bool), String)> = Vec::new();
    for column in 0..screen.size().1.get() {
        let Some(cell) = screen.cell(row, column) else { continue };
        let look = (cell.fgcolor(), cell.bold(), cell.dim());
        let text = if cell.contents().is_empty() { " " } else { cell.contents() };
        match stretches.last_mut() {
            Some((_, last, stretch)) if *last == look => stretch.push_str(text),
            _ => stretches.push((column, look, text.to_owned())),
        }
    }
    stretches.retain(|(.., text)| !text.trim().is_empty());
    stretches
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn screen_as_svg(screen: &vt100::Screen) -> String {
    let mut svg = String::new();
    for row in 0..screen.size().0.get() {
        for (column, (ink, bold, dim), text) in stretches(screen, row) {
            let x = MARGIN + f64::from(column) * CELL.0;
            let y = 2.0 * MARGIN + f64::from(row) * CELL.1 + 14.0;
            let bold = if bold { " font-weight=\"bold\"" } else { "" };
            let dim = if dim { " opacity=\"0.6\"" } else { "" };
            let text = escaped(text.trim_end());
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{}\"{bold}{dim}>{text}</text>", color(ink))
                .expect("a string takes everything");
        }
    }
    svg
}

/// Each screen is visible from its moment to that of the next; without motion, the last one.
fn film_as_svg(film: &[(u64, vt100::Screen)]) -> String {
    let width = 2.0 * MARGIN + f64::from(SIZE.0) * CELL.0;
    let height = 3.0 * MARGIN + f64::from(SIZE.1) * CELL.1;
    let whole = film.last().map_or(0, |(at, _)| *at) + REST;
    let percent = |at: u64| at as f64 * 100.0 / whole as f64;
    let (mut style, mut screens) = (String::new(), String::new());
    for (index, (at, screen)) in film.iter().enumerate() {
        let is_last = index + 1 == film.len();
        let until = film.get(index + 1).map_or(whole, |(next, _)| *next);
        let (from, to) = (percent(*at), percent(until));
        writeln!(
            style,
            "@keyframes s{index} {{ 0% {{ visibility: {} }} {from:.2}% {{ visibility: visible }} {to:.2}% {{ visibility: {} }} }}\n\
             .s{index} {{ visibility: {}; animation: s{index} {whole}ms step-end infinite }}",
            if index == 0 { "visible" } else { "hidden" },
            if is_last { "visible" } else { "hidden" },
            if is_last { "visible" } else { "hidden" },
        )
        .expect("a string takes everything");
        writeln!(screens, "<g class=\"s{index}\">\n{}</g>", screen_as_svg(screen)).expect("it does");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"A terminal: lifeboat {}\">\n\
         <title>lifeboat {}</title>\n<style>\n\
         text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }}\n\
         {style}@media (prefers-reduced-motion: reduce) {{ g {{ animation: none !important }} }}\n</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <circle cx=\"18\" cy=\"15\" r=\"5\" fill=\"#30363d\"/><circle cx=\"36\" cy=\"15\" r=\"5\" fill=\"#30363d\"/>\
         <circle cx=\"54\" cy=\"15\" r=\"5\" fill=\"#30363d\"/>\n{screens}</svg>\n",
        WORDS.join(" "),
        WORDS.join(" "),
    )
}

/// The rows of the view that stays when the run is over.
fn view(screen: &vt100::Screen) -> Vec<String> {
    let rows = screen.rows(0, SIZE.0).map(|row| row.trim_end().to_owned());
    let rows: Vec<String> = rows.skip_while(|row| row != "preflight").collect();
    let end = rows.iter().position(|row| row.contains("passed")).expect("it passed") + 1;
    rows[..end].to_vec()
}

/// What is written between the tags of a picture.
fn words(svg: &str) -> String {
    compared(&svg.split('<').filter_map(|part| Some(part.split_once('>')?.1)).collect::<String>())
}

/// Without numbers: a simulated second more or less makes no other picture.
fn compared(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !c.is_ascii_digit()).collect()
}

#[test]
fn the_picture_of_a_drill_shows_what_a_drill_shows() {
    let program = Program::new();
    let file = root().join(PICTURE);
    if std::env::var_os("UPDATE").is_some() {
        let typed = format!("$ lifeboat {}\r\n", WORDS.join(" "));
        let film = AtTerminal::film(&program, &WORDS, SIZE, &typed, EVERY);
        fs::create_dir_all(file.parent().expect("a directory")).expect("it can be made");
        fs::write(&file, film_as_svg(&film)).expect("it can be written");
        return;
    }
    let picture = fs::read_to_string(&file).expect("scripts/record-terminal makes it");
    assert!(!picture.contains("<script") && picture.matches("http").count() == 1, "nothing but a picture");
    // At another pace the last screen is the same.
    let film = AtTerminal::film(&program, &WORDS[..5], SIZE, "", EVERY);
    let last = view(&film.last().expect("a last screen").1);
    let shown = words(&picture);
    for row in last {
        assert!(
            shown.contains(&compared(&escaped(&row))),
            "`{row}` is not in {PICTURE}; record it anew: scripts/record-terminal"
        );
    }
}
