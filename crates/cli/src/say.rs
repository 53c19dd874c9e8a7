//! Speaking on standard error. Nobody may be listening any more (`2>&1 | head`, a terminal that was closed): a run that has
//! made something in AWS must not end for that, as it would in `eprintln!`. While a live view stands at the bottom of the
//! terminal, what is said goes above it.

/// Says a line.
macro_rules! say {
    () => { crate::live::region::say("") };
    ($($words:tt)*) => { crate::live::region::say(&format!($($words)*)) };
}

/// Says something that an answer follows on the same line. Not while a live view is shown: it has a prompt of its own.
macro_rules! prompt {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        drop(write!(std::io::stderr(), $($words)*));
    }};
}
