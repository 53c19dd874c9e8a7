//! Times as tools write them.

use crate::event::Precision;
use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};

/// Why a text is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// It is in local time, and nobody said where.
    #[error("`{0}` names no zone: --zone says which it is in")]
    NoZone(String),
    /// It is no time that is known.
    #[error("`{0}` is not a time")]
    NotATime(String),
}

/// Numbers below are no times: seconds since 1970 have had nine digits since 1973.
const LEAST_EPOCH: i64 = 100_000_000;

/// Reads a moment: RFC 3339, RFC 2822, `YYYY-MM-DD HH:MM` with or without seconds, or seconds, milliseconds,
/// microseconds or nanoseconds since 1970, which their size tells apart. A time without a zone is in `zone`. The
/// precision is that of the text.
///
/// # Errors
/// When it is no time, or has no zone and none is given: that is never guessed.
pub fn parse(text: &str, zone: Option<FixedOffset>) -> Result<(DateTime<Utc>, Precision), MomentError> {
    let text = text.trim();
    if let Some(found) = epoch(text).or_else(|| with_zone(text)).or_else(|| mail(text)) {
        return Ok(found);
    }
    let (local, precision) = local(text).ok_or_else(|| MomentError::NotATime(text.to_owned()))?;
    let zone = zone.ok_or_else(|| MomentError::NoZone(text.to_owned()))?;
    let at = local.and_local_timezone(zone).single();
    at.map(|at| (at.to_utc(), precision)).ok_or_else(|| MomentError::NotATime(text.to_owned()))
}

/// Reads a zone: `UTC`, `Z`, `+01:00`, `-0500`.
pub fn parse_zone(text: &str) -> Option<FixedOffset> {
    if ["utc", "z", "gmt"].contains(&text.to_ascii_lowercase().as_str()) {
        return FixedOffset::east_opt(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|letter| *letter != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    let offset = FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60));
    offset.filter(|_| hours <= 14 && minutes < 60)
}

fn epoch(text: &str) -> Option<(DateTime<Utc>, Precision)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let number = whole.parse::<i64>().ok().filter(|number| *number >= LEAST_EPOCH)?;
    let exact = |at: DateTime<Utc>| (at, Precision::Exact);
    match whole.len() {
        ..=11 if fraction.is_empty() => Some((DateTime::from_timestamp(number, 0)?, Precision::Second)),
        // Slack's `1700000000.123400`: nine digits are nanoseconds.
        ..=11 => {
            let nanos = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
            DateTime::from_timestamp(number, nanos).map(exact)
        }
        12..=14 => DateTime::from_timestamp_millis(number).map(exact),
        15..=17 => DateTime::from_timestamp_micros(number).map(exact),
        _ => Some(exact(DateTime::from_timestamp_nanos(number))),
    }
}

/// The time and its zone at the end: `Z`, `UTC`, `GMT`, `+01:00`, `+0100`.
fn with_zone(text: &str) -> Option<(DateTime<Utc>, Precision)> {
    let begins = text.find(['Z', 'z', 'U', 'u', 'G', 'g', '+']).or_else(|| {
        // The last of three: those of the date stand before it.
        text.match_indices('-').nth(2).map(|(place, _)| place)
    })?;
    let (time, zone) = text.split_at(begins);
    let (time, precision) = local(time.trim_end())?;
    let at = time.and_local_timezone(parse_zone(zone)?).single()?;
    Some((at.to_utc(), precision))
}

fn mail(text: &str) -> Option<(DateTime<Utc>, Precision)> {
    let at = DateTime::parse_from_rfc2822(text).ok()?.to_utc();
    // `Mon, 5 Jan 2026 09:40 +0000` has no seconds.
    let precision = if text.matches(':').count() > 1 { Precision::Second } else { Precision::Minute };
    Some((at, precision))
}

fn local(text: &str) -> Option<(NaiveDateTime, Precision)> {
    let text = text.replacen(['T', 't'], " ", 1);
    let forms = [
        ("%Y-%m-%d %H:%M:%S", Precision::Second),
        ("%Y-%m-%d %H:%M:%S%.f", Precision::Exact),
        ("%Y-%m-%d %H:%M", Precision::Minute),
    ];
    let read = |form| NaiveDateTime::parse_from_str(&text, form).ok();
    forms.into_iter().find_map(|(form, precision)| read(form).map(|time| (time, precision)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_runbook::units::time_text;

    #[test]
    fn the_forms_of_times() {
        use Precision::{Exact, Minute, Second};
        for (text, at, precision) in [
            ("2026-01-05T09:40:00Z", "2026-01-05T09:40:00.000Z", Second),
            ("2026-01-05t09:40:00z", "2026-01-05T09:40:00.000Z", Second),
            ("2026-01-05T10:40:00.250+01:00", "2026-01-05T09:40:00.250Z", Exact),
            ("2026-01-05 04:40-0500", "2026-01-05T09:40:00.000Z", Minute),
            ("2026-01-05 04:40:12 -05:00", "2026-01-05T09:40:12.000Z", Second),
            ("2026-01-05 09:40 UTC", "2026-01-05T09:40:00.000Z", Minute),
            ("Mon, 5 Jan 2026 10:40:05 +0100", "2026-01-05T09:40:05.000Z", Second),
            ("Mon, 5 Jan 2026 10:40 +0100", "2026-01-05T09:40:00.000Z", Minute),
            ("1767606000", "2026-01-05T09:40:00.000Z", Second),
            ("1767606000.1234", "2026-01-05T09:40:00.123Z", Exact),
            ("1767606000250", "2026-01-05T09:40:00.250Z", Exact),
            ("1767606000250000", "2026-01-05T09:40:00.250Z", Exact),
            ("1767606000250000000", "2026-01-05T09:40:00.250Z", Exact),
        ] {
            let (read, found) = parse(text, None).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((time_text(read).as_str(), found), (at, precision), "{text}");
        }
    }

    #[test]
    fn a_zone_is_never_guessed() {
        for text in ["2026-01-05 10:40", "2026-01-05T10:40:00", "2026-01-05 10:40:00.5"] {
            assert_eq!(parse(text, None), Err(MomentError::NoZone(text.to_owned())));
            let (at, _) = parse(text, parse_zone("+01:00")).unwrap();
            assert!(time_text(at).starts_with("2026-01-05T09:40"), "{text}");
        }
        for text in ["", "yesterday", "2026-01-05", "12", "2026-13-05 10:40Z", "10:40", "1e9", "-1767606000"]
        {
            assert_eq!(parse(text, parse_zone("UTC")), Err(MomentError::NotATime(text.to_owned())));
        }
        assert_eq!(parse_zone("-0530"), FixedOffset::west_opt(19_800));
        for text in ["", "Europe/Berlin", "+1", "+25:00", "01:00", "+01:75"] {
            assert_eq!(parse_zone(text), None, "{text}");
        }
    }
}
