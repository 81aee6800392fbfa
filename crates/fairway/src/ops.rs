//! The operating model at work: who is on duty when, and what other tools read of it.

use crate::{
    config::Config,
    model::{Ops, Rotation, day},
};
use anyhow::{Context, Result};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use std::fmt::Write;

/// A turn of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its first day.
    pub from: Date,
    /// The day it is handed over.
    pub to: Date,
    /// The role on duty.
    pub role: String,
}

/// Returns the moment a turn begins or ends on a day.
///
/// # Errors
/// A zone or an hour there is not.
pub fn handover(rotation: &Rotation, date: Date) -> Result<Timestamp> {
    let zone = TimeZone::get(&rotation.zone).context("find its zone")?;
    Ok(date.at(rotation.hour, 0, 0, 0).to_zoned(zone)?.timestamp())
}

/// Returns the turns of a rotation; at most a thousand.
///
/// # Errors
/// What makes it none.
pub fn turns(rotation: &Rotation) -> Result<Vec<Turn>> {
    let (Some(starts), Some(ends)) = (day(&rotation.starts), day(&rotation.ends)) else {
        anyhow::bail!("its dates are no dates");
    };
    if rotation.turn_days < 1 || rotation.members.is_empty() {
        anyhow::bail!("it has no turns");
    }
    TimeZone::get(&rotation.zone).with_context(|| format!("there is no zone {}", rotation.zone))?;
    if !(0..=23).contains(&rotation.hour) {
        anyhow::bail!("its hour is none");
    }
    let mut turns = Vec::new();
    let mut from = starts;
    for role in rotation.members.iter().cycle().take(1000) {
        if from >= ends {
            break;
        }
        let days = Span::new().try_days(rotation.turn_days).context("count its days")?;
        let to = from.checked_add(days).context("count its days")?;
        turns.push(Turn { from, to: to.min(ends), role: role.clone() });
        from = to;
    }
    Ok(turns)
}

/// Returns the rotations as a calendar (RFC 5545).
///
/// # Errors
/// The rotation that is none.
pub fn calendar(product: &str, ops: &Ops, config: &Config) -> Result<String> {
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        format!("PRODID:-//fairway//{}//EN", text(product)),
    ];
    for rotation in &ops.rotation {
        for turn in turns(rotation).with_context(|| format!("rotation {}", rotation.name))? {
            let at = |date: Date| -> Result<String> {
                Ok(handover(rotation, date)?.strftime("%Y%m%dT%H%M%SZ").to_string())
            };
            let person = config.roles.get(&turn.role).and_then(|role| role.person.as_deref());
            let who = person.unwrap_or("nobody named yet");
            lines.extend([
                "BEGIN:VEVENT".to_owned(),
                format!("UID:{}-{}@fairway", text(&rotation.name), turn.from),
                format!("DTSTAMP:{}", at(turn.from)?),
                format!("DTSTART:{}", at(turn.from)?),
                format!("DTEND:{}", at(turn.to)?),
                format!("SUMMARY:{}", text(&format!("{}: {} ({who})", rotation.name, turn.role))),
                "END:VEVENT".to_owned(),
            ]);
        }
    }
    for release in &ops.release {
        let Some(date) = day(&release.date) else { continue };
        let state = if release.commit.is_some() { "made" } else { "planned" };
        let next = date.tomorrow().context("count days")?;
        lines.extend([
            "BEGIN:VEVENT".to_owned(),
            format!("UID:release-{}@fairway", text(&release.version)),
            format!("DTSTAMP:{}", date.strftime("%Y%m%dT000000Z")),
            format!("DTSTART;VALUE=DATE:{}", date.strftime("%Y%m%d")),
            format!("DTEND;VALUE=DATE:{}", next.strftime("%Y%m%d")),
            format!("SUMMARY:{}", text(&format!("Release {} ({state})", release.version))),
            "END:VEVENT".to_owned(),
        ]);
    }
    lines.push("END:VCALENDAR".to_owned());
    Ok(lines.iter().map(|line| folded(line)).collect())
}

/// Escapes a text value (RFC 5545, 3.3.11).
fn text(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,");
    value.replace(['\r', '\n'], " ")
}

/// Folds a line to 75 bytes (RFC 5545, 3.1).
fn folded(line: &str) -> String {
    let (mut out, mut width) = (String::new(), 0);
    for c in line.chars() {
        if width + c.len_utf8() > 74 {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(c);
        width += c.len_utf8();
    }
    out + "\r\n"
}

/// Returns every file others read of the operating model, with what it is to hold.
pub fn exports(config: &Config, ops: &Ops) -> Vec<(String, Result<String>)> {
    let mut files = vec![("CODEOWNERS".to_owned(), Ok(codeowners(ops, config)))];
    if let Some(file) = ops.calendar.as_ref().filter(|file| file.ends_with(".ics")) {
        files.push((file.clone(), calendar(&config.product, ops, config)));
    }
    files
}

/// Returns the file code hosts read to ask for reviews. A role nobody holds is said, never made up.
pub fn codeowners(ops: &Ops, config: &Config) -> String {
    let mut out = String::from("# Written by `fairway ops export`; change fairway/ops.toml.\n");
    for area in &ops.area {
        let handles: Vec<&str> = [&area.owner, &area.backup]
            .iter()
            .filter_map(|role| config.roles.get(*role)?.handle.as_deref())
            .collect();
        let name = area.name.replace(['\n', '\r'], " ");
        let _ = writeln!(out, "\n# {name}: {}, then {}", area.owner, area.backup);
        for glob in &area.code {
            let glob = glob.strip_suffix("**").unwrap_or(glob);
            let line = format!("/{glob} {}", handles.join(" "));
            let _ = if handles.is_empty() {
                writeln!(out, "# {} nobody named yet", line.trim_end())
            } else {
                writeln!(out, "{line}")
            };
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotation(ends: &str) -> Rotation {
        toml::from_str(&format!(
            "name = \"duty\"\nmembers = [\"a\", \"b\"]\nstarts = 2026-10-19\nends = {ends}\nturn_days = 7\nhour = 9\nzone = \"Europe/Berlin\"\n"
        ))
        .unwrap()
    }

    #[test]
    fn turns_follow_one_another_to_the_end() {
        let turns = turns(&rotation("2026-11-05")).unwrap();
        let list: Vec<_> =
            turns.iter().map(|one| (one.from.to_string(), one.role.as_str())).collect();
        assert_eq!(
            list,
            [
                ("2026-10-19".to_owned(), "a"),
                ("2026-10-26".to_owned(), "b"),
                ("2026-11-02".to_owned(), "a")
            ]
        );
        assert_eq!(turns.last().unwrap().to.to_string(), "2026-11-05");
    }

    #[test]
    fn a_calendar_keeps_the_hour_over_a_change_of_clocks() {
        let ops: Ops = toml::from_str("version = 1\n").unwrap();
        let ops = Ops { rotation: vec![rotation("2026-11-05")], ..ops };
        let config: Config = toml::from_str("version = 1\nproduct = \"A, B\"\n").unwrap();
        let text = calendar("A, B", &ops, &config).unwrap();
        assert!(text.contains("DTSTART:20261019T070000Z\r\n"), "{text}");
        assert!(text.contains("DTSTART:20261026T080000Z\r\n"), "{text}");
        assert!(text.contains("PRODID:-//fairway//A\\, B//EN"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 75));
    }
}
