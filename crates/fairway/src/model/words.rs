//! Closed sets of words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares a closed set of words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every word, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the word.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// How much hangs on it.
    Priority {
        /// Blocks the next sellable release.
        P0 = "P0",
        /// Maturity of the product.
        P1 = "P1",
        /// Commercial and scale.
        P2 = "P2",
        /// Later ambition.
        P3 = "P3",
    }
}

words! {
    /// What sort of work a task is.
    Kind {
        /// Product behaviour.
        Product = "product",
        /// What people see and do.
        Ux = "ux",
        /// API, command line, events.
        Contract = "contract",
        /// Readiness to be run and sold.
        Readiness = "readiness",
        /// Implementation debt.
        Debt = "implementation-debt",
        /// Pages and runbooks.
        Docs = "docs",
        /// Tests, gates, reports.
        Harness = "harness",
        /// Seeds and disposable state.
        Fixture = "fixture",
        /// Where it runs.
        Environment = "environment",
    }
}

words! {
    /// Where a task stands.
    State {
        /// Written down, not judged yet.
        Inbox = "inbox",
        /// May be taken.
        Ready = "ready",
        /// Somebody is at it.
        Doing = "doing",
        /// Waits for another's eyes.
        Review = "review",
        /// Waits for something outside.
        Blocked = "blocked",
        /// Done.
        Done = "done",
        /// Will not be done; says why.
        Dropped = "dropped",
    }
}

impl State {
    /// Returns whether work on it is still owed.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Done | Self::Dropped)
    }
}

words! {
    /// The six paths of a flow.
    PathName {
        /// All goes well.
        Happy = "happy",
        /// Nothing is there yet.
        Empty = "empty",
        /// Something is in the way, and it is said before anything changes.
        Blocked = "blocked",
        /// The way back from there.
        Recovery = "recovery",
        /// Bad input, wrong rights, broken dependencies.
        Negative = "negative",
        /// Nothing is left behind.
        Cleanup = "cleanup",
    }
}

words! {
    /// What a proof goes through.
    Tier {
        /// One unit.
        Unit = "unit",
        /// Several, with their database.
        Integration = "integration",
        /// The whole product without a browser.
        Smoke = "smoke",
        /// The whole product as people use it.
        E2e = "e2e",
        /// A UAT row, on a lane.
        Uat = "uat",
    }
}

words! {
    /// How far a flow is proven.
    Level {
        /// Product intent and UX journey are written down.
        L0 = "L0",
        /// Its contracts exist and match.
        L1 = "L1",
        /// Unit or integration coverage proves the service's behaviour.
        L2 = "L2",
        /// End-to-end or smoke coverage proves the path people take.
        L3 = "L3",
        /// UAT on a lane proves the integrated path.
        L4 = "L4",
        /// Clean-up, audit, observability and rollback evidence is kept.
        L5 = "L5",
    }
}

words! {
    /// What a flow's proof amounts to.
    Status {
        /// Adequate for broad UAT.
        ReadyForBroadUat = "ready_for_broad_uat",
        /// Must not be claimed ready until its task closes.
        Blocked = "blocked",
        /// A known gap with owner, reason, expiry and follow-up.
        AcceptedGap = "accepted_gap",
        /// The behaviour exists, its evidence does not.
        NeedsCoverage = "needs_coverage",
        /// The journey is not written down well enough.
        NeedsDesign = "needs_design",
        /// The contract is absent or ambiguous.
        NeedsContract = "needs_contract",
        /// Seed or disposable state is missing.
        NeedsFixture = "needs_fixture",
        /// The environment is missing or stale.
        NeedsEnvFix = "needs_env_fix",
    }
}

words! {
    /// What becomes of a candidate in a pass of reconciliation.
    Bucket {
        /// Needed before the product can be sold.
        A = "A",
        /// Makes what is there whole.
        B = "B",
        /// Adds something new.
        C = "C",
        /// Belongs to what customers consume from outside.
        D = "D",
        /// Belongs to the public site.
        E = "E",
        /// Covered, obsolete or a duplicate.
        F = "F",
        /// Research or roadmap only.
        G = "G",
    }
}

words! {
    /// What is done with a candidate itself.
    Disposition {
        /// It stays.
        Keep = "keep",
        /// It becomes part of another.
        Merge = "merge",
        /// It waits.
        Defer = "defer",
        /// It goes.
        Drop = "drop",
        /// It goes to another boundary.
        Move = "move",
    }
}

words! {
    /// How ready a theme or an area is, 1 to 6.
    Readiness {
        /// Every flow of it is proven on a lane.
        Productized = "productized",
        /// It works and is tested; pages or paths are missing.
        Functional = "functional-not-productized",
        /// Some of it is there.
        Partial = "partially-implemented",
        /// Written down as a candidate, nothing of it is there.
        Candidate = "candidate-only",
        /// On the roadmap, nothing of it is there.
        Roadmap = "roadmap-only",
        /// It belongs to another boundary.
        External = "deferred-external",
    }
}

impl Readiness {
    /// Returns its number, 1 to 6.
    pub const fn number(self) -> usize {
        self as usize + 1
    }
}
