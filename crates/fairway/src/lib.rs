//! fairway keeps a product's claims true.
//!
//! People write facts into files of the repository: tasks, flows, UAT rows, accepted gaps. Tests leave
//! evidence. Levels, statuses and decisions follow from these and are never typed. What is not known is
//! never a pass. It knows nothing of the product it is used on.

pub mod anchors;
pub mod board;
pub mod cmd;
pub mod config;
pub mod evidence;
pub mod finding;
pub mod flow;
pub mod gate;
pub mod git;
pub mod import;
pub mod inbox;
pub mod level;
pub mod load;
pub mod model;
pub mod ops;
pub mod path;
pub mod portal;
pub mod prove;
pub mod queue;
pub mod recon;
pub mod render;
pub mod report;
pub mod results;
pub mod rules;
pub mod tree;
pub mod uat;
pub mod world;
