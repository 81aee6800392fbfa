//! `fairway prove`

use super::{Format, Global, print, print_json};
use crate::{
    gate::Answer,
    model::Level,
    prove::{Proven, all},
};
use anyhow::Result;
use clap::Args;
use std::collections::BTreeMap;

/// `prove`
#[derive(Args)]
pub struct Prove {
    /// Say what each rule found.
    #[arg(long)]
    verbose: bool,
}

/// Breaks a copy once a rule; 1 when a rule was silent, 3 when one had nothing to be broken in.
pub fn prove(global: &Global, args: &Prove) -> Result<Answer> {
    global.world(Level::L3, |world| {
        let list = all(world);
        let count =
            |wanted: fn(&Proven) -> bool| list.iter().filter(|(_, one)| wanted(one)).count();
        let silent = count(|one| *one == Proven::Silent);
        let none = count(|one| *one == Proven::NoSubject);
        if global.format == Format::Json {
            let word = |one: &Proven| match one {
                Proven::Fires(_) => "fires",
                Proven::Silent => "silent",
                Proven::NoSubject => "no_subject",
            };
            print_json(
                &list.iter().map(|(name, one)| (*name, word(one))).collect::<BTreeMap<_, _>>(),
            );
        } else {
            for (name, one) in &list {
                match one {
                    Proven::Fires(words) if args.verbose => {
                        print(&format!("{name:<24} fires: {words}\n"))
                    }
                    Proven::Fires(_) => {}
                    Proven::Silent => print(&format!("{name:<24} IS SILENT\n")),
                    Proven::NoSubject => {
                        print(&format!("{name:<24} has nothing to be broken in here\n"))
                    }
                }
            }
            let fires = list.len() - silent - none;
            print(&format!(
                "{fires} of {} rules fire, {silent} silent, {none} without a subject\n",
                list.len()
            ));
        }
        Ok(match (silent, none) {
            (0, 0) => Answer::Holds,
            (0, _) => Answer::Unknown,
            _ => Answer::Fails,
        })
    })
}
