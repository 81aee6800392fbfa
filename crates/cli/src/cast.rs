//! Plays an asciicast in this terminal. What was recorded is somebody else's output: of what it says to a terminal
//! only text, colours and places of the cursor are passed on, never what a terminal answers to, or acts upon.

use crate::client::Failure;
use anyhow::Context;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// The longest pause that is waited for.
const PAUSE: f64 = 2.0;
/// What is set back at the end: colours, the cursor, the screen.
const RESET: &str =
    "\u{1b}[0m\u{1b}[r\u{1b}[4l\u{1b}[?7h\u{1b}[?25h\u{1b}[?47l\u{1b}[?1047l\u{1b}[?1049l\r\n";

/// Where in what is said to a terminal a letter stands.
#[derive(Debug, Default)]
enum Inside {
    #[default]
    Text,
    /// Behind an escape.
    Escape,
    /// In a control sequence, with what it has so far.
    Control(String),
    /// In a string that a terminal would act upon; whether an escape was seen in it.
    Words(bool),
    /// Behind an escape that has one letter more.
    One,
}

/// Lets text, colours and the cursor through.
#[derive(Debug, Default)]
struct Strainer(Inside);

/// Returns whether a control sequence only draws.
fn draws(parameters: &str, last: char) -> bool {
    let plain = parameters.chars().all(|c| c.is_ascii_digit() || c == ';' || c == ':');
    // No number is larger than a screen: a letter could be asked for a thousand million times.
    let small = parameters.split([';', ':']).all(|number| number.len() <= 4);
    match last {
        // What scrolled away stays with whoever plays it.
        'J' if parameters == "3" => false,
        'h' | 'l' => matches!(parameters, "?25" | "?7" | "?47" | "?1047" | "?1049" | "4"),
        _ => plain && small && "@ABCDEFGHIJKLMPSTXZ`abdefgmrsu".contains(last),
    }
}

impl Strainer {
    fn strain(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for letter in text.chars() {
            self.0 = self.step(letter, &mut out);
        }
        out
    }

    fn step(&mut self, letter: char, out: &mut String) -> Inside {
        match (std::mem::take(&mut self.0), letter) {
            (Inside::Words(true), '\\') | (Inside::Words(_), '\u{7}' | '\u{9c}') => Inside::Text,
            (Inside::Words(_), letter) => Inside::Words(letter == '\u{1b}'),
            (_, '\u{1b}') => Inside::Escape,
            (_, '\u{18}' | '\u{1a}') => Inside::Text,
            (Inside::Text, letter) => {
                let turns = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                if !turns && (!letter.is_control() || "\n\r\t\u{8}".contains(letter)) {
                    out.push(letter);
                }
                Inside::Text
            }
            (Inside::Escape, '[') => Inside::Control(String::new()),
            (Inside::Escape, ']' | 'P' | 'X' | '^' | '_') => Inside::Words(false),
            (Inside::Escape, ' '..='/') => Inside::One,
            (Inside::Escape, '7' | '8' | 'M' | 'D' | 'E') => {
                out.extend(['\u{1b}', letter]);
                Inside::Text
            }
            (Inside::Escape | Inside::One, _) => Inside::Text,
            (Inside::Control(parameters), '@'..='~') => {
                if draws(&parameters, letter) {
                    out.push_str("\u{1b}[");
                    out.push_str(&parameters);
                    out.push(letter);
                }
                Inside::Text
            }
            (Inside::Control(mut parameters), ' '..='?') if parameters.len() < 64 => {
                parameters.push(letter);
                Inside::Control(parameters)
            }
            (Inside::Control(_), _) => Inside::Text,
        }
    }
}

/// Plays a file so many times as fast as it was; pauses of more than two seconds are cut.
///
/// # Errors
/// When it is no asciicast, or nothing can be printed.
pub(crate) async fn play(file: &[u8], speed: f64) -> Result<(), Failure> {
    let mut out = tokio::io::stdout();
    let played = tokio::select! {
        played = show(file, speed, &mut out) => played,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    // However it ended, the terminal is as it was.
    out.write_all(RESET.as_bytes()).await.context("print")?;
    out.flush().await.context("print")?;
    played
}

async fn show(file: &[u8], speed: f64, out: &mut tokio::io::Stdout) -> Result<(), Failure> {
    let text = std::str::from_utf8(file).context("read the recording")?;
    let (mut strainer, mut before) = (Strainer::default(), 0.0);
    for line in text.lines().skip(1) {
        let (at, kind, words): (f64, String, String) =
            serde_json::from_str(line).context("read the recording")?;
        if kind != "o" {
            continue;
        }
        let pause = (at - before).clamp(0.0, PAUSE) / speed;
        before = at;
        tokio::time::sleep(Duration::from_secs_f64(pause)).await;
        out.write_all(strainer.strain(&words).as_bytes()).await.context("print")?;
        out.flush().await.context("print")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strained(text: &str) -> String {
        Strainer::default().strain(text)
    }

    #[test]
    fn text_colours_and_the_cursor_pass() {
        for fine in
            ["plain ä\r\n", "\u{1b}[1;31mred\u{1b}[0m", "\u{1b}[2J\u{1b}[10;5H", "\u{1b}[?1049h"]
        {
            assert_eq!(strained(fine), fine);
        }
    }

    #[test]
    fn what_a_terminal_answers_to_or_acts_upon_does_not() {
        let bad = [
            "\u{1b}[c",
            "\u{1b}[6n",
            "\u{1b}[>0q",
            "\u{1b}[?1000h",
            "\u{1b}[21t",
            "\u{1b}c",
            "\u{1b}(0",
            "\u{1b}]52;c;ZWNobyBo\u{7}",
            "\u{1b}]0;title\u{1b}\\",
            "\u{1b}P$qm\u{1b}\\",
            "\u{1b}_x\u{9c}",
            "\u{1b}[3J",
            "\u{1b}[99999b",
            "\u{202e}",
            "\u{5}",
            "\u{7}",
            "\u{9b}6n",
            "\u{90}x",
            "\u{1b}[\u{1b}[5n",
            "\u{1b}Z",
        ];
        for text in bad {
            let left = strained(text);
            assert!(
                !left.contains('\u{1b}') && !left.contains(char::is_control),
                "{text:?} {left:?}"
            );
        }
    }

    #[test]
    fn a_sequence_that_is_cut_goes_on_in_the_next_piece() {
        let mut strainer = Strainer::default();
        let parts = ["a\u{1b}", "]52;c;", "abc\u{7}b\u{1b}[3", "1mc"];
        let whole: String = parts.iter().map(|part| strainer.strain(part)).collect();
        assert_eq!(whole, "ab\u{1b}[31mc");
    }
}
