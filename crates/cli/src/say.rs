//! Speaking on standard error. Nobody may be listening any more (`2>&1 | head`, a terminal that was closed): a run that has
//! made something in AWS must not end for that, as it would in `eprintln!`.

/// Says a line.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        drop(writeln!(std::io::stderr(), $($words)*));
    }};
}

/// Says something that an answer follows on the same line.
macro_rules! prompt {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        drop(write!(std::io::stderr(), $($words)*));
    }};
}
