//! Price books: prices and discounts that hold for an organization or a project instead of the list.
//!
//! A *line* says what an item costs from a moment on, a *use* which book holds somewhere from a moment on. Both are
//! only ever added, and never for the past: what was rated stays, and late usage finds the price of its time.
//! A project's book goes before the organization's, an item before everything of its kind, a book before the list.
//! The routes stand in the catalog, which knows what there is to price.

mod set;
mod store;
mod terms;

pub use set::{assign, make, percent, set_line};
pub use store::{Book, BookLine, BookUse, UseOrg, book, books, count_uses, lines, uses_of};
pub use terms::{Item, Listed, Own, Terms, own};

use crate::tenancy::{OperatorAction, operator_action};

operator_action!(
    /// Looks at price books.
    ReadBooks = "price_book.read", step_up = false
);
operator_action!(
    /// Makes a price book.
    MakeBook = "price_book.create", step_up = true
);
operator_action!(
    /// Sets what a book says of an item.
    SetLine = "price_book.set", step_up = true
);
operator_action!(
    /// Lets a book hold for an organization or a project.
    AssignBook = "price_book.assign", step_up = true
);
