//! Durations and times as people write them: `90s`, `1h30m`, `2026-11-01T10:00:00Z`.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads `90s`, `15m`, `2h`, `7d`, `250ms` or several of them in falling order (`1h30m`); `-` in front negates.
pub fn parse_duration(text: &str) -> Option<TimeDelta> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).filter(|digits| *digits > 0)?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(rest.len());
        let unit =
            UNITS.iter().position(|(name, _)| *name == &rest[..end]).filter(|unit| *unit >= next_unit)?;
        next_unit = unit + 1;
        rest = &rest[end..];
        total = total.checked_add(number.checked_mul(UNITS[unit].1)?)?;
    }
    TimeDelta::try_milliseconds(sign * total)
}

/// Writes a duration so that [`parse_duration`] reads it again, to the millisecond.
pub fn duration_text(duration: TimeDelta) -> String {
    let mut left = duration.num_milliseconds();
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    if left < 0 {
        text.push('-');
        left = left.saturating_neg();
    }
    for (unit, length) in UNITS {
        let count = left / length;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            left %= length;
        }
    }
    text
}

/// Reads an RFC 3339 time with a zone; the precision kept is the millisecond.
pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    DateTime::from_timestamp_millis(time.timestamp_millis())
}

/// Writes a time as RFC 3339, UTC, milliseconds.
pub fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, milliseconds) in
            [("90s", 90_000), ("15m", 900_000), ("1h30m", 5_400_000), ("-40m", -2_400_000), ("250ms", 250)]
        {
            assert_eq!(parse_duration(text), Some(TimeDelta::milliseconds(milliseconds)), "{text}");
            assert_eq!(
                parse_duration(&duration_text(TimeDelta::milliseconds(milliseconds))),
                parse_duration(text)
            );
        }
        for text in ["", "-", "5", "m5", "5 m", "5x", "30m1h", "99999999999999999999s", "9999999999999999d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
