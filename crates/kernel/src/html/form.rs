//! Forms: fields with label, hint and their own error; the token and key every form carries.

use super::icon;
use crate::Error;
use maud::{Markup, html};
use seams::Rng;

/// What a form needs beside its fields.
#[derive(Debug, Clone, Default)]
pub struct FormCtx {
    /// The session's token; empty before signing in.
    pub csrf: String,
    /// A fresh idempotency key: sending the form twice has one effect.
    pub key: String,
}

impl FormCtx {
    /// Returns what a form of this session needs.
    pub fn new(csrf: &str, rng: &dyn Rng) -> Self {
        Self { csrf: csrf.to_owned(), key: crate::secret::hex(&rng.bytes16()) }
    }

    /// Returns the hidden fields, with a key of their own per form.
    pub fn hidden(&self, form: &str) -> Markup {
        hidden_fields(&self.csrf, Some(&format!("{}-{form}", self.key)))
    }
}

/// Returns the hidden fields of a form.
pub fn hidden_fields(csrf: &str, key: Option<&str>) -> Markup {
    html! {
        @if !csrf.is_empty() { input type="hidden" name="_csrf" value=(csrf); }
        @if let Some(key) = key { input type="hidden" name="_key" value=(key); }
    }
}

/// A form with what was entered and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Entered {
    values: Vec<(String, String)>,
    faults: Vec<(String, String)>,
    general: Option<String>,
}

impl Entered {
    /// Returns an untouched form.
    pub fn fresh() -> Self {
        Self::default()
    }

    /// Keeps what was entered in a field; never for passwords.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }

    /// Adds what was wrong. Faults of named fields stand below their fields, others on top.
    #[must_use]
    pub fn refused(mut self, error: &Error) -> Self {
        for fault in error.errors() {
            self.faults.push((fault.field.clone(), fault.message.clone()));
        }
        if error.errors().is_empty() {
            self.general = Some(error.sentence());
        }
        self
    }

    /// Shows what is wrong with fields on top too: for pages of several small forms without room below.
    #[must_use]
    pub fn on_top(mut self) -> Self {
        if self.general.is_none() && !self.faults.is_empty() {
            let faults: Vec<_> = self.faults.drain(..).map(|(_, words)| words).collect();
            self.general = Some(faults.join(" "));
        }
        self
    }

    /// Returns what was entered.
    pub fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Returns what is wrong with a field.
    pub fn fault(&self, name: &str) -> Option<&str> {
        self.faults.iter().find(|(key, _)| key == name).map(|(_, fault)| fault.as_str())
    }

    /// Returns the banner for faults that belong to no field.
    pub fn banner(&self) -> Markup {
        html! {
            @if let Some(general) = &self.general {
                div class="banner bad" role="alert" { (icon("circle-alert")) div { (general) } }
            }
        }
    }
}

/// A text field.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Name in the form.
    pub name: &'a str,
    /// Words above it.
    pub label: &'a str,
    /// `text`, `email`, `password`, `number`.
    pub kind: &'a str,
    /// Words below it.
    pub hint: &'a str,
    /// `autocomplete` token; empty for none.
    pub autocomplete: &'a str,
    /// Longest entry.
    pub max: u16,
    /// Whether it may be left empty.
    pub optional: bool,
}

impl<'a> Field<'a> {
    /// Returns a plain text field.
    pub fn text(name: &'a str, label: &'a str) -> Self {
        Self { name, label, kind: "text", hint: "", autocomplete: "off", max: 200, optional: false }
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = hint;
        self
    }

    /// Lets it be left empty.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the kind and the browser's completion.
    #[must_use]
    pub fn kind(mut self, kind: &'a str, autocomplete: &'a str) -> Self {
        self.kind = kind;
        self.autocomplete = autocomplete;
        self
    }

    /// Draws it with what was entered.
    pub fn draw(self, entered: &Entered) -> Markup {
        let fault = entered.fault(self.name);
        let about = format!("{}-about", self.name);
        let described = fault.is_some() || !self.hint.is_empty();
        let value = if self.kind == "password" { "" } else { entered.value(self.name) };
        html! {
            div class="field" {
                label for=(self.name) { (self.label) }
                input id=(self.name) name=(self.name) type=(self.kind) value=[(!value.is_empty()).then_some(value)]
                    autocomplete=(self.autocomplete) maxlength=(self.max) required[!self.optional]
                    aria-invalid=[fault.map(|_| "true")] aria-describedby=[described.then_some(about.as_str())];
                @if let Some(fault) = fault {
                    p id=(about) class="fault" { (icon("circle-alert")) (fault) }
                } @else if !self.hint.is_empty() {
                    p id=(about) class="hint" { (self.hint) }
                }
            }
        }
    }
}

/// Draws a choice of a few.
pub fn select(name: &str, label: &str, chosen: &str, options: &[(String, String)]) -> Markup {
    html! {
        div class="field" {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                @for (value, words) in options {
                    option value=(value) selected[value == chosen] { (words) }
                }
            }
        }
    }
}

/// Draws a segmented control: one choice of a few short ones. Impossible ones say why on hover.
pub fn segments(
    name: &str,
    label: &str,
    chosen: &str,
    options: &[(String, String, Option<String>)],
) -> Markup {
    html! {
        fieldset class="segments" {
            legend { (label) }
            div class="segment-row" {
                @for (value, words, reason) in options {
                    label title=[reason.as_deref()] {
                        input type="radio" name=(name) value=(value) checked[value == chosen] disabled[reason.is_some()];
                        span { (words) }
                    }
                }
            }
        }
    }
}
