//! Documents to print: lines of text and amounts on A4 pages, as PDF 1.7 (ISO 32000-1).
//!
//! The text is set in the fonts every reader has (Helvetica, Courier), so nothing is embedded. They know the letters of
//! Western Europe; another is shown as a question mark.

use pdf_writer::{Content, Name, Pdf, Rect, Ref, Str, TextStr};

/// A line of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The largest letters.
    Title(String),
    /// Over a part.
    Heading(String),
    /// Text; what is too long goes on in the next line.
    Text(String),
    /// Two texts and an amount at the right edge.
    Row(String, String, String),
    /// The same, in bold letters under a rule.
    Sum(String, String),
    /// Room.
    Gap,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// Its title, for readers.
    pub title: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// What stands at the foot of each page.
    pub foot: String,
}

const WIDTH: i16 = 595;
const HEIGHT: i16 = 842;
const EDGE: i16 = 56;
const LEAD: i16 = 14;
const ROOM: i16 = HEIGHT - 2 * EDGE - 2 * LEAD;
/// How wide a line may be, in thousandths of the letters' size.
const TEXT: usize = 53_000;
const LEFT: usize = 26_000;
const MIDDLE: usize = 17_500;
const MIDDLE_AT: i16 = 300;
const TITLE: usize = 24_000;
const HEADING: usize = 40_000;

const PLAIN: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");
const FIXED: Name<'static> = Name(b"F3");
const FONTS: [(Name<'static>, &[u8]); 3] =
    [(PLAIN, b"Helvetica"), (BOLD, b"Helvetica-Bold"), (FIXED, b"Courier")];

/// Writes text in the encoding of the fonts (WinAnsi, ISO 32000-1 annex D.2).
fn encode(text: &str) -> Vec<u8> {
    let byte = |c: char| match c {
        '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(c)).unwrap_or(b'?'),
        '€' => 0x80,
        '…' => 0x85,
        'Š' => 0x8a,
        'Œ' => 0x8c,
        'Ž' => 0x8e,
        '\u{2018}' => 0x91,
        '\u{2019}' => 0x92,
        '\u{201c}' => 0x93,
        '\u{201d}' => 0x94,
        '•' => 0x95,
        '–' => 0x96,
        '\u{2212}' => b'-',
        '—' => 0x97,
        'š' => 0x9a,
        'œ' => 0x9c,
        'ž' => 0x9e,
        'Ÿ' => 0x9f,
        _ => b'?',
    };
    text.chars().map(byte).collect()
}

/// Returns how wide a letter of Helvetica is at most, in thousandths of its size.
const fn width(c: char) -> usize {
    match c {
        'W' | 'M' | 'm' | '@' | '%' | '—' | '…' => 1_000,
        'i' | 'j' | 'l' | 'I' | 't' | 'f' | 'r' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|'
        | '!' | '/' => 340,
        'a'..='z' | '0'..='9' | '-' | '_' => 560,
        _ => 780,
    }
}

/// Cuts text into lines of at most this width, at blanks where there are any.
fn wrap(text: &str, most: usize) -> Vec<String> {
    let (mut lines, mut used) = (vec![String::new()], 0);
    for word in text.split_whitespace() {
        let size: usize = word.chars().map(width).sum();
        let blank = if used > 0 { width(' ') } else { 0 };
        if used > 0 && used + blank + size > most {
            lines.push(String::new());
            used = 0;
        } else if let Some(line) = lines.last_mut()
            && used > 0
        {
            line.push(' ');
            used += blank;
        }
        for c in word.chars() {
            if used > 0 && used + width(c) > most {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += width(c);
        }
    }
    lines
}

/// What stands where on a page.
struct Mark {
    font: Name<'static>,
    size: i16,
    x: i16,
    text: Vec<u8>,
}

/// A line that is set: its marks, how much room it takes, and whether a rule stands above.
struct Set {
    marks: Vec<Mark>,
    room: i16,
    rule: bool,
}

fn mark(font: Name<'static>, size: i16, x: i16, text: &str) -> Mark {
    Mark { font, size, x, text: encode(text) }
}

/// Text that ends at the right edge: each letter of Courier is as wide as the others, 0.6 of its size.
fn right(size: i16, text: &str) -> Mark {
    let letters = i16::try_from(text.chars().count()).unwrap_or(40);
    let width = letters.saturating_mul(size).saturating_mul(6) / 10;
    mark(FIXED, size, (WIDTH - EDGE - width).max(EDGE), text)
}

fn set(line: &Line) -> Vec<Set> {
    let one = |marks, room| Set { marks, room, rule: false };
    let text = |font, size, text: &str, most, room| -> Vec<Set> {
        wrap(text, most).iter().map(|text| one(vec![mark(font, size, EDGE, text)], room)).collect()
    };
    match line {
        Line::Title(words) => text(BOLD, 18, words, TITLE, 2 * LEAD),
        Line::Heading(words) => {
            let mut lines = text(BOLD, 11, words, HEADING, LEAD);
            lines.insert(0, one(vec![], LEAD));
            lines
        }
        Line::Text(words) => text(PLAIN, 9, words, TEXT, LEAD),
        Line::Gap => vec![one(vec![], LEAD)],
        Line::Sum(words, amount) => {
            let marks = vec![mark(BOLD, 9, EDGE, words), right(9, amount)];
            vec![Set { marks, room: LEAD + 4, rule: true }]
        }
        Line::Row(left, middle, amount) => {
            let (left, middle) = (wrap(left, LEFT), wrap(middle, MIDDLE));
            let count = left.len().max(middle.len());
            let cell = |lines: &[String], at: usize, x| {
                lines.get(at).filter(|text| !text.is_empty()).map(|text| mark(PLAIN, 9, x, text))
            };
            (0..count)
                .map(|at| {
                    let mut marks: Vec<Mark> = cell(&left, at, EDGE).into_iter().collect();
                    marks.extend(cell(&middle, at, MIDDLE_AT));
                    marks.extend((at == 0).then(|| right(9, amount)));
                    one(marks, LEAD)
                })
                .collect()
        }
    }
}

/// Sets lines on pages.
fn pages(lines: &[Line]) -> Vec<Vec<Set>> {
    let (mut pages, mut left) = (vec![Vec::new()], ROOM);
    for set in lines.iter().flat_map(set) {
        if set.room > left {
            pages.push(Vec::new());
            left = ROOM;
        }
        left -= set.room;
        if let Some(page) = pages.last_mut() {
            page.push(set);
        }
    }
    pages
}

fn put(content: &mut Content, mark: &Mark, y: i16) {
    content.begin_text();
    content.set_font(mark.font, f32::from(mark.size));
    content.next_line(f32::from(mark.x), f32::from(y));
    content.show(Str(&mark.text));
    content.end_text();
}

fn page(sets: &[Set], foot: &str) -> Vec<u8> {
    let mut content = Content::new();
    let mut y = HEIGHT - EDGE;
    for set in sets {
        y -= set.room;
        if set.rule {
            let at = f32::from(y + LEAD - 2);
            content.set_line_width(0.5);
            content.move_to(f32::from(EDGE), at).line_to(f32::from(WIDTH - EDGE), at).stroke();
        }
        for mark in &set.marks {
            put(&mut content, mark, y);
        }
    }
    put(&mut content, &mark(PLAIN, 7, EDGE, foot), EDGE);
    content.finish().to_vec()
}

impl Paper {
    /// Returns the document as PDF.
    pub fn pdf(&self) -> Vec<u8> {
        let pages = pages(&self.lines);
        let mut pdf = Pdf::new();
        let (catalog, tree, info) = (Ref::new(1), Ref::new(2), Ref::new(3));
        let fonts = [Ref::new(4), Ref::new(5), Ref::new(6)];
        let ids: Vec<(Ref, Ref)> = (0_i32..)
            .take(pages.len())
            .map(|at| (Ref::new(7 + 2 * at), Ref::new(8 + 2 * at)))
            .collect();
        pdf.catalog(catalog).pages(tree).lang(TextStr("en"));
        pdf.document_info(info).title(TextStr(&self.title));
        let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
        pdf.pages(tree).kids(ids.iter().map(|(page, _)| *page)).count(count);
        for (id, (_, base)) in fonts.iter().zip(FONTS) {
            pdf.type1_font(*id).base_font(Name(base)).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        for (at, (sets, (id, stream))) in pages.iter().zip(&ids).enumerate() {
            let mut page = pdf.page(*id);
            page.media_box(Rect::new(0.0, 0.0, f32::from(WIDTH), f32::from(HEIGHT)));
            page.parent(tree).contents(*stream);
            let mut resources = page.resources();
            let mut dict = resources.fonts();
            for (font, (name, _)) in fonts.iter().zip(FONTS) {
                dict.pair(name, *font);
            }
            drop(dict);
            let foot = format!("{}   Page {} of {}", self.foot, at + 1, pages.len());
            drop(resources);
            drop(page);
            pdf.stream(*stream, &self::page(sets, &foot));
        }
        pdf.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_blanks_and_nothing_is_lost() {
        assert_eq!(wrap("one two three", 4_000), ["one two", "three"]);
        assert_eq!(wrap("abcdeabcde", 4 * 560), ["abcd", "eabc", "de"]);
        assert_eq!(wrap("", 4), [""]);
        let long = "a ".repeat(500);
        assert_eq!(wrap(&long, TEXT).join(" "), long.trim());
        let wide = "W".repeat(120);
        let lines = wrap(&wide, TEXT);
        assert!(lines.len() == 3 && lines.iter().all(|line| line.len() <= 53), "{lines:?}");
        assert_eq!(lines.concat(), wide);
    }

    #[test]
    fn letters_the_fonts_know_are_kept() {
        assert_eq!(encode("Zoë €5 – ×"), b"Zo\xeb \x805 \x96 \xd7");
        assert_eq!(encode("日本"), b"??");
        let less = api::Money::new(api::Micros(-1_234_567), api::Currency::EUR).exact();
        assert_eq!(encode(&less), b"-\x801.234567", "{less}");
    }

    #[test]
    fn as_many_pages_as_it_takes() {
        let row = Line::Row("left".into(), "middle".into(), "1.00".into());
        let paper = Paper { title: "T".into(), lines: vec![row; 200], foot: "F".into() };
        let bytes = paper.pdf();
        assert!(bytes.starts_with(b"%PDF-1.7"));
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("(middle) Tj").count(), 200);
        assert!(
            text.contains("Page 1 of 4") && text.contains("Page 4 of 4"),
            "{}",
            pages(&paper.lines).len()
        );
    }
}
