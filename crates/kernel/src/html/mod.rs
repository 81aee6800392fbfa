//! Pages: the frame around them, the components they are made of, and the files they load.
//!
//! Pages work without scripts. Text is always escaped; markup is built with `html!` only.

pub mod assets;
mod components;
mod form;
mod frame;
mod icon;
mod markdown;

pub use components::{
    Col, StepTone, TimelineStep, ago, badge, banner, capacity_bar, code_block, col, danger, empty,
    facts, id_copy, moment, next_page, num, page_head, simulated_badge, span, stat, table, tabs,
    timeline,
};
pub use form::{Entered, Field, FormCtx, hidden_fields, segments, select};
pub use frame::{Chip, ChromeFn, NavFor, NavItem, error_page, frame};
pub use icon::icon;
pub use markdown::markdown;
pub use maud::{Markup, html};

use http::StatusCode;

/// A page: everything it shows, before the frame is put around it.
pub struct Page {
    /// Title: of the window and of the page.
    pub title: String,
    /// What stands inside.
    pub body: Markup,
    /// The frame.
    pub layout: Layout,
    /// Status; 200 unless it is an error page or a form with faults.
    pub status: StatusCode,
    /// Why its reader can change nothing on it.
    pub frozen: Option<String>,
}

/// The frame around a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Side bar and top bar.
    Shell,
    /// One card in the middle: before signing in.
    Card,
    /// Nothing around: the terminal's own window.
    Bare,
}

impl Page {
    /// Returns a page in the usual frame.
    pub fn new(title: impl Into<String>, body: Markup) -> Self {
        Self {
            title: title.into(),
            body,
            layout: Layout::Shell,
            status: StatusCode::OK,
            frozen: None,
        }
    }

    /// Returns a page with one card in the middle.
    pub fn card(title: impl Into<String>, body: Markup) -> Self {
        Self { layout: Layout::Card, ..Self::new(title, body) }
    }

    /// Returns a page with nothing around it.
    pub fn bare(title: impl Into<String>, body: Markup) -> Self {
        Self { layout: Layout::Bare, ..Self::new(title, body) }
    }

    /// Lets nothing on it be pressed, for a reason.
    #[must_use]
    pub fn frozen(mut self, why: Option<String>) -> Self {
        self.frozen = why;
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}
